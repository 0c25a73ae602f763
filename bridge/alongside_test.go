// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

// receipting is a session of a linked device that tells what it receipts.
func receipting(b *bridge, device *store.Device) (*session, <-chan *types.MessageInfo) {
	s := connectedSession(b, device)
	told := make(chan *types.MessageInfo, 2*messagesUnanswered)
	s.receipt = func(_ context.Context, info *types.MessageInfo) { told <- info }
	return s, told
}

// customerOf is a customer's device, with a store of its own.
func customerOf(t *testing.T) *store.Device {
	t.Helper()
	return linkedDevice(t, openTestStore(t), types.JID{User: customerPN.User, Device: 3, Server: types.DefaultUserServer}, customerLID)
}

// readMessage returns the next frame of a message.
func (p *peer) readMessage() map[string]any {
	p.t.Helper()
	frame := p.read()
	for frame["event"] == "lid_mapping" {
		frame = p.read()
	}
	if frame["event"] != "message" {
		p.t.Fatalf("got %v", frame)
	}
	return frame
}

// buffered counts the plaintexts in a store.
func buffered(t *testing.T, c *credentials) (count int) {
	t.Helper()
	row := c.db.QueryRow("SELECT count(*) FROM whatsmeow_event_buffer WHERE plaintext IS NOT NULL")
	if err := row.Scan(&count); err != nil {
		t.Fatal(err)
	}
	return count
}

func TestPeoplesMessagesDoNotWaitForOneAnother(t *testing.T) {
	b, p := newTestBridge(t)
	device := linkedDevice(t, b.store, ownJID, ownLID)
	s, told := receipting(b, device)
	stanzas := encryptFor(t, customerOf(t), device, "one", "two", "three")
	var frames []map[string]any
	for _, stanza := range stanzas {
		soon(t, feed(s, &stanza))
		frames = append(frames, p.readMessage())
	}
	nothing(t, told)
	ack(b, frames[1], true)
	if info := soon(t, told); info.ID != "M1" || info.Sender != customerLID {
		t.Fatalf("got %v", info)
	}
	ack(b, frames[0], false)
	nothing(t, told)
	ack(b, frames[2], true)
	soon(t, told)
	b.plaintexts.flush()
	if count := buffered(t, b.store); count != 1 {
		t.Fatalf("%d plaintexts are kept, not that of the refused message alone", count)
	}
	for _, stanza := range stanzas {
		soon(t, feed(s, &stanza))
	}
	if again := p.readMessage()["data"].(map[string]any)["info"].(map[string]any)["id"]; again != "M0" {
		t.Fatalf("told again: %v", again)
	}
	p.quiet()
}

func TestMessagesWithoutAnAnswerAreBounded(t *testing.T) {
	b, p := newTestBridge(t)
	device := linkedDevice(t, b.store, ownJID, ownLID)
	s, told := receipting(b, device)
	texts := make([]string, messagesUnanswered+2)
	for n := range texts {
		texts[n] = fmt.Sprint(n)
	}
	stanzas := encryptFor(t, customerOf(t), device, texts...)
	var first map[string]any
	for n := range messagesUnanswered {
		soon(t, feed(s, &stanzas[n]))
		if frame := p.readMessage(); n == 0 {
			first = frame
		}
	}
	more := feed(s, &stanzas[messagesUnanswered])
	nothing(t, more)
	p.quiet()
	ack(b, first, true)
	soon(t, told)
	soon(t, more)
	p.readMessage()
	last := feed(s, &stanzas[messagesUnanswered+1])
	nothing(t, last)
	s.conn.cancel()
	soon(t, last)
	p.quiet()
}

func TestNoMessageIsReceiptedAfterItsConnection(t *testing.T) {
	b, p := newTestBridge(t)
	device := linkedDevice(t, b.store, ownJID, ownLID)
	s, told := receipting(b, device)
	stanza := encryptFor(t, customerOf(t), device, "hello")[0]
	soon(t, feed(s, &stanza))
	frame := p.readMessage()
	s.conn.cancel()
	ack(b, frame, true)
	nothing(t, told)
	b.plaintexts.flush()
	if buffered(t, b.store) != 1 {
		t.Fatal("a message that WhatsApp delivers again cannot be read again")
	}
}

// The store's plaintext is let go of by what a message says, not by when it was read.
func TestAMessageWhoseCiphertextIsNotKnownIsWaitedFor(t *testing.T) {
	b, p := newTestBridge(t)
	device := linkedDevice(t, b.store, ownJID, ownLID)
	s, told := receipting(b, device)
	stanza := encryptFor(t, customerOf(t), device, "hello")[0]
	guard := device.EventBuffer.(*sessionGuard)
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
}

func TestOnlyPeoplesMessagesAreToldAlongside(t *testing.T) {
	fromPerson := types.MessageInfo{MessageSource: types.MessageSource{Chat: customerLID.ToNonAD(), Sender: customerLID}}
	if !isFromPerson(&fromPerson) {
		t.Fatal("a person's message is not told alongside")
	}
	for name, change := range map[string]func(*types.MessageInfo){
		"of a group":        func(info *types.MessageInfo) { info.IsGroup = true },
		"of another device": func(info *types.MessageInfo) { info.IsFromMe = true },
		"between devices":   func(info *types.MessageInfo) { info.Category = "peer" },
		"of a hosted one":   func(info *types.MessageInfo) { info.Sender.Device = hostedDevice },
		"of a channel":      func(info *types.MessageInfo) { info.Sender.Server = types.NewsletterServer },
	} {
		other := fromPerson
		change(&other)
		if isFromPerson(&other) {
			t.Errorf("%s: told alongside", name)
		}
	}
}

// Where a receipt goes is where its stanza came from (receipt.go: buildBaseReceipt).
func TestAReceiptGoesWhereItsMessageCameFrom(t *testing.T) {
	pn := types.JID{User: customerPN.User, Device: 3, Server: types.DefaultUserServer}
	for name, attrs := range map[string]waBinary.Attrs{
		"by LID":    {"from": customerLID, "sender_pn": pn},
		"by number": {"from": pn, "sender_lid": customerLID},
	} {
		t.Run(name, func(t *testing.T) {
			b, p := newTestBridge(t)
			device := linkedDevice(t, b.store, ownJID, ownLID)
			s, told := receipting(b, device)
			stanza := encryptFor(t, customerOf(t), device, "hello")[0]
			for _, key := range []string{"id", "t", "type"} {
				attrs[key] = stanza.Attrs[key]
			}
			stanza.Attrs = attrs
			soon(t, feed(s, &stanza))
			ack(b, p.readMessage(), true)
			if info := soon(t, told); info.Sender != attrs["from"] || info.ID != "M0" || info.IsFromMe {
				t.Fatalf("got %v", info)
			}
		})
	}
}

func TestPlaintextsLeaveTheStoreSoonAndAtTheEnd(t *testing.T) {
	b, p := newTestBridge(t)
	device := linkedDevice(t, b.store, ownJID, ownLID)
	s, told := receipting(b, device)
	old := time.Now().Add(-15 * 24 * time.Hour).UnixMilli()
	_, err := b.store.db.Exec("INSERT INTO whatsmeow_event_buffer VALUES ($1, $2, NULL, $3, $3)", ownJID, make([]byte, 32), old)
	if err != nil {
		t.Fatal(err)
	}
	stanzas := encryptFor(t, customerOf(t), device, "one", "two")
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
	for deadline := time.Now().Add(patience); buffered(t, b.store) > 0; time.Sleep(time.Millisecond) {
		b.shutdown()
		if time.Now().After(deadline) {
			t.Fatal("a plaintext stays")
		}
	}
}
