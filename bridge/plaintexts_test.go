// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"testing"
	"time"

	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"
)

// buffered counts the plaintexts in a store.
func buffered(t *testing.T, c *credentials) (count int) {
	t.Helper()
	row := c.db.QueryRow("SELECT count(*) FROM whatsmeow_event_buffer WHERE plaintext IS NOT NULL")
	if err := row.Scan(&count); err != nil {
		t.Fatal(err)
	}
	return count
}

// decrypted is a person's message whose plaintext a session has just read.
func decrypted(t *testing.T, s *session, id, text string) *events.Message {
	t.Helper()
	event := incoming(id, text)
	plain, err := proto.Marshal(event.RawMessage)
	if err != nil {
		t.Fatal(err)
	}
	s.device.EventBuffer.(*sessionGuard).note([32]byte{1}, append(plain, 1))
	return event
}

// The store's plaintext is let go of by what a message says, not by when it was read.
func TestAMessageWhoseCiphertextIsNotKnownIsWaitedFor(t *testing.T) {
	b, p, s, told := newReceipting(t)
	stanza := encryptFor(t, customerOf(t), s.device, "hello")[0]
	guard := s.device.EventBuffer.(*sessionGuard)
	for name, plaintext := range map[string]string{
		"another's":   "\x0a\x05other\x01",
		"nobody's":    "",
		"all padding": "\x09",
		"no protobuf": "\xff\xff\x01",
	} {
		guard.note([32]byte{1}, []byte(plaintext))
		result := handleAsync(s, incoming("A", "hello"))
		frame := p.readMessage()
		nothing(t, result)
		ack(b, frame, true)
		if !soon(t, result) {
			t.Fatalf("%s: not stored", name)
		}
	}
	soon(t, feed(s, &stanza)) // while this one's own is known
	ack(b, p.readMessage(), true)
	soon(t, told)
	result := handleAsync(s, incoming("B", "hello")) // which is not this one's, though both say the same
	frame := p.readMessage()
	nothing(t, result)
	ack(b, frame, true)
	soon(t, result)
}

func TestPlaintextsLeaveTheStoreSoonAndAtTheEnd(t *testing.T) {
	b, p, s, told := newReceipting(t)
	old := time.Now().Add(-15 * 24 * time.Hour).UnixMilli()
	_, err := b.store.db.Exec("INSERT INTO whatsmeow_event_buffer VALUES ($1, $2, NULL, $3, $3)", ownJID, make([]byte, 32), old)
	if err != nil {
		t.Fatal(err)
	}
	stanzas := encryptFor(t, customerOf(t), s.device, "one", "two")
	soon(t, feed(s, &stanzas[0]))
	ack(b, p.readMessage(), true)
	soon(t, told)
	deadline := time.Now().Add(patience)
	for rows := 0; buffered(t, b.store) > 0 || rows != 1; time.Sleep(10 * time.Millisecond) {
		if err := b.store.db.QueryRow("SELECT count(*) FROM whatsmeow_event_buffer").Scan(&rows); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d rows, %d plaintexts", rows, buffered(t, b.store))
		}
	}
	soon(t, feed(s, &stanzas[1]))
	ack(b, p.readMessage(), true)
	soon(t, told)
	for stopped := false; !stopped; time.Sleep(time.Millisecond) { // what is told is let go right after
		b.plaintexts.mu.Lock()
		stopped = b.plaintexts.timer != nil && b.plaintexts.timer.Stop()
		b.plaintexts.mu.Unlock()
	}
	b.shutdown()
	if buffered(t, b.store) > 0 {
		t.Fatal("a plaintext stays")
	}
}

func TestPlaintextsLeaveTheStoreTimeAfterTime(t *testing.T) {
	b, _ := newTestBridge(t)
	device := linkedDevice(t, b.store, ownJID, ownLID)
	guardDevice(device, func(error) {})
	guard, last := device.EventBuffer.(*sessionGuard), byte(0)
	put := func() bufferedPlaintext {
		last++
		hash := [32]byte{last}
		if err := guard.PutBufferedEvent(t.Context(), hash, []byte("text\x01"), time.Now()); err != nil {
			t.Fatal(err)
		}
		return bufferedPlaintext{guard.EventBuffer, hash}
	}
	old := time.Now().Add(-15 * 24 * time.Hour).UnixMilli()
	for round := range 2 {
		seen := []byte{0: byte(round), 31: 1}
		_, err := b.store.db.Exec("INSERT INTO whatsmeow_event_buffer VALUES ($1, $2, NULL, $3, $3)", ownJID, seen, old)
		if err != nil {
			t.Fatal(err)
		}
		b.plaintexts.put(put())
		for deadline := time.Now().Add(patience); buffered(t, b.store) > 0; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("a plaintext stays")
			}
		}
	}
	b.plaintexts.put(put())
	b.plaintexts.mu.Lock()
	b.plaintexts.timer.Stop() // no time passes
	b.plaintexts.mu.Unlock()
	for range plaintextsAtOnce - 1 {
		b.plaintexts.put(put())
	}
	if count := buffered(t, b.store); count > 0 || len(b.plaintexts.waiting) > 0 {
		t.Fatalf("%d of many plaintexts wait for more", count)
	}
	row, kept := b.store.db.QueryRow("SELECT count(*) FROM whatsmeow_event_buffer WHERE insert_timestamp = $1", old), 0
	if err := row.Scan(&kept); err != nil || kept != 1 {
		t.Fatalf("the store was asked %d times, not once, to forget what it saw: %v", 2-kept, err)
	}
}
