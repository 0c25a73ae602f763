// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"
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
	result := handleAsync(s, incoming("B", "hello")) // which is not this one's, though both say the same
	frame := p.readMessage()
	nothing(t, result)
	ack(b, frame, true)
	soon(t, result)
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
			info := soon(t, told)
			if info.ID != "M0" || info.IsFromMe {
				t.Fatalf("got %v", info)
			}
			for _, key := range []string{"from", "participant", "recipient"} {
				if answered := receiptedStanza(info).Attrs[key]; answered != attrs[key] {
					t.Fatalf("%s is %v, not %v", key, answered, attrs[key])
				}
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

// noteMessage gives a session the plaintext of a person's message, as its decryption does.
func (g *sessionGuard) noteMessage(t *testing.T, event *events.Message) {
	t.Helper()
	plain, err := proto.Marshal(event.RawMessage)
	if err != nil {
		t.Fatal(err)
	}
	g.note([32]byte{1}, append(plain, 1))
}

// After a refusal Prosa disconnects. A later message of the chat that came after
// the answer would be stored before the refused one, which WhatsApp delivers again.
func TestNothingIsToldOfAConnectionThatIsOver(t *testing.T) {
	b, p := newTestBridge(t)
	device := linkedDevice(t, b.store, ownJID, ownLID)
	s, told := receipting(b, device)
	if _, err := b.disconnect(t.Context(), s, nil); err != nil {
		t.Fatal(err)
	}
	for range 30 { // places are free as well, and a select picks at random
		event := incoming("A", "hello")
		device.EventBuffer.(*sessionGuard).noteMessage(t, event)
		if s.handle(event) || s.handle(incoming("B", "waits")) {
			t.Fatal("whatsmeow would receipt what is not stored")
		}
		if s.handle(receiptOf(types.ReceiptTypeDelivered, "C")) {
			t.Fatal("whatsmeow would acknowledge what is not stored")
		}
	}
	for frame := p.readUntilQuiet(); len(frame) > 0; frame = frame[1:] {
		if frame[0]["event"] != "lid_mapping" {
			t.Fatalf("told: %v", frame[0])
		}
	}
	nothing(t, told)
}

func TestADisconnectIsAnsweredOnceAllIsTold(t *testing.T) {
	b, _ := newTestBridge(t)
	s := newTestSession(t, b, "s")
	begun, sent, answered := make(chan struct{}), make(chan struct{}), make(chan struct{})
	conn := s.conn
	conn.unanswered(b.acks)
	go conn.tell(func() {
		close(begun)
		<-sent
		b.acks.open(conn, func(bool) {})
	})
	soon(t, begun)
	go func() {
		_, _ = b.disconnect(t.Context(), s, nil)
		close(answered)
	}()
	nothing(t, answered)
	close(sent)
	soon(t, answered)
	for deadline := time.Now().Add(patience); len(b.acks.of(conn)) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("an event of an ended connection is awaited for ever")
		}
	}
}

// WhatsApp's socket may be slow; the answers of other sessions do not wait for it.
func TestAReceiptThatIsSlowToSendHoldsUpNoAnswer(t *testing.T) {
	b, p := newTestBridge(t)
	device := linkedDevice(t, b.store, ownJID, ownLID)
	s, _ := receipting(b, device)
	begun := make(chan struct{})
	s.receipt = func(ctx context.Context, _ *types.MessageInfo) {
		close(begun)
		<-ctx.Done()
	}
	stanza := encryptFor(t, customerOf(t), device, "hello")[0]
	soon(t, feed(s, &stanza))
	frame, answered := p.readMessage(), make(chan struct{})
	go func() {
		ack(b, frame, true)
		close(answered)
	}()
	soon(t, begun)
	soon(t, answered)
	s.cancel()
}

// What is not a person's message is waited for, though its plaintext is known: its receipt says more than its event.
func TestWhatIsNotAPersonsMessageIsWaitedFor(t *testing.T) {
	b, p := newTestBridge(t)
	device := linkedDevice(t, b.store, ownJID, ownLID)
	s, told := receipting(b, device)
	event := incoming("A", "hello")
	event.Info.IsFromMe = true
	device.EventBuffer.(*sessionGuard).noteMessage(t, event)
	result := handleAsync(s, event)
	frame := p.readMessage()
	nothing(t, result)
	ack(b, frame, true)
	if !soon(t, result) {
		t.Fatal("whatsmeow would not receipt what is stored")
	}
	nothing(t, told)
}

// fillPlaces has as many messages told as may be without an answer; it returns their frames.
func fillPlaces(t *testing.T, s *session, p *peer) (frames []map[string]any) {
	t.Helper()
	for n := range messagesUnanswered {
		event := incoming(fmt.Sprint(n), "hello")
		s.device.EventBuffer.(*sessionGuard).noteMessage(t, event)
		result := handleAsync(s, event)
		frames = append(frames, p.readMessage())
		soon(t, result)
	}
	return frames
}

func TestAMessageWaitsForAPlaceNoLongerThanTheStreamLasts(t *testing.T) {
	b, p := newTestBridge(t)
	device := linkedDevice(t, b.store, ownJID, ownLID)
	s, told := receipting(b, device)
	fillPlaces(t, s, p)
	event := incoming("more", "hello")
	device.EventBuffer.(*sessionGuard).noteMessage(t, event)
	result := handleAsync(s, event)
	nothing(t, result)
	b.stream.Close()
	if soon(t, result) {
		t.Fatal("whatsmeow would receipt what is not stored")
	}
	nothing(t, told)
}

// whatsmeow stops waiting for a handler after five minutes; the order of a chat must outlast that.
func TestMessagesThatWaitForAPlaceAreToldInOrder(t *testing.T) {
	b, p := newTestBridge(t)
	device := linkedDevice(t, b.store, ownJID, ownLID)
	s, _ := receipting(b, device)
	guard := device.EventBuffer.(*sessionGuard)
	frames := fillPlaces(t, s, p)
	const waiting = 6
	for n := range waiting {
		event := incoming(fmt.Sprint("W", n), "hello")
		event.Info.IsFromMe = n == waiting-1 // written on the phone, to the same chat
		guard.noteMessage(t, event)
		handleAsync(s, event)
		time.Sleep(10 * time.Millisecond)
	}
	for _, frame := range frames {
		ack(b, frame, true)
	}
	for n := range waiting {
		if id := p.readMessage()["data"].(map[string]any)["info"].(map[string]any)["id"]; id != fmt.Sprint("W", n) {
			t.Fatalf("%v came as number %d", id, n)
		}
	}
	s.cancel()
}

func TestAMessageThatCannotBeSentTakesNoPlace(t *testing.T) {
	b, p := newTestBridge(t)
	device := linkedDevice(t, b.store, ownJID, ownLID)
	s, told := receipting(b, device)
	event := incoming("A", strings.Repeat("x", maxFrame))
	device.EventBuffer.(*sessionGuard).noteMessage(t, event)
	if s.handle(event) {
		t.Fatal("whatsmeow would receipt what is not stored")
	}
	if places := s.conn.places.messages; len(places) != 0 || len(b.acks.of(s.conn)) != 0 {
		t.Fatalf("%d places are taken", len(places))
	}
	if frames := p.readUntilQuiet(); len(frames) > 0 && frames[0]["event"] != "lid_mapping" {
		t.Fatalf("told: %v", frames)
	}
	nothing(t, told)
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
		b.plaintexts.letGo(put())
		for deadline := time.Now().Add(patience); buffered(t, b.store) > 0; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("a plaintext stays")
			}
		}
	}
	b.plaintexts.letGo(put())
	b.plaintexts.mu.Lock()
	b.plaintexts.timer.Stop() // no time passes
	b.plaintexts.mu.Unlock()
	for range plaintextsAtOnce - 1 {
		b.plaintexts.letGo(put())
	}
	if count := buffered(t, b.store); count > 0 || len(b.plaintexts.waiting) > 0 {
		t.Fatalf("%d of many plaintexts wait for more", count)
	}
	row, kept := b.store.db.QueryRow("SELECT count(*) FROM whatsmeow_event_buffer WHERE insert_timestamp = $1", old), 0
	if err := row.Scan(&kept); err != nil || kept != 1 {
		t.Fatalf("the store was asked %d times, not once, to forget what it saw: %v", 2-kept, err)
	}
}

// whatsmeow warns of every message whose handler says "not stored", which is every person's.
func TestAMessageThatIsToldIsNothingToWarnOf(t *testing.T) {
	b, p := newTestBridge(t)
	device := linkedDevice(t, b.store, ownJID, ownLID)
	s, told := receipting(b, device)
	var lines bytes.Buffer
	log, err := newLogger(&lines, "warn")
	if err != nil {
		t.Fatal(err)
	}
	s.client.Log = waLogger{log}
	stanza := encryptFor(t, customerOf(t), device, "hello")[0]
	soon(t, feed(s, &stanza))
	ack(b, p.readMessage(), true)
	soon(t, told)
	if lines.Len() > 0 {
		t.Fatalf("logged: %s", lines.String())
	}
}
