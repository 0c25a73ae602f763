// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/types"
)

// fillPlaces has as many messages told as may be without an answer; it returns their frames.
func fillPlaces(t *testing.T, s *session, p *peer) (frames []map[string]any) {
	t.Helper()
	for n := range messagesUnanswered {
		event := decrypted(t, s, fmt.Sprint(n), "hello")
		result := handleAsync(s, event)
		frames = append(frames, p.readMessage())
		soon(t, result)
	}
	return frames
}

func TestMessagesWithoutAnAnswerAreBounded(t *testing.T) {
	b, p, s, told := newReceipting(t)
	texts := make([]string, messagesUnanswered+2)
	for n := range texts {
		texts[n] = fmt.Sprint(n)
	}
	stanzas := encryptFor(t, customerOf(t), s.device, texts...)
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

// After a refusal Prosa disconnects. A later message of the chat that came after
// the answer would be stored before the refused one, which WhatsApp delivers again.
func TestNothingIsToldOfAConnectionThatIsOver(t *testing.T) {
	b, p, s, told := newReceipting(t)
	if _, err := b.disconnect(t.Context(), s, nil); err != nil {
		t.Fatal(err)
	}
	for range 30 { // places are free as well, and a select picks at random
		event := decrypted(t, s, "A", "hello")
		if s.handle(event) || s.handle(incoming("B", "waits")) {
			t.Fatal("whatsmeow would receipt what is not stored")
		}
		if s.handle(receiptOf(types.ReceiptTypeDelivered, "C")) {
			t.Fatal("whatsmeow would acknowledge what is not stored")
		}
	}
	if frames := p.readUntilQuiet(); len(frames) > 0 {
		t.Fatalf("told: %v", frames)
	}
	nothing(t, told)
}

func TestADisconnectIsAnsweredOnceAllIsTold(t *testing.T) {
	b, _ := newTestBridge(t)
	s := newTestSession(t, b, "s")
	begun, sent, answered := make(chan struct{}), make(chan struct{}), make(chan struct{})
	conn := s.conn
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

func TestAMessageWaitsForAPlaceNoLongerThanTheStreamLasts(t *testing.T) {
	b, p, s, told := newReceipting(t)
	fillPlaces(t, s, p)
	event := decrypted(t, s, "more", "hello")
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
	b, p, s, _ := newReceipting(t)
	frames := fillPlaces(t, s, p)
	const waiting = 6
	for n := range waiting {
		event := decrypted(t, s, fmt.Sprint("W", n), "hello")
		event.Info.IsFromMe = n == waiting-1 // written on the phone, to the same chat
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
	b, p, s, told := newReceipting(t)
	event := decrypted(t, s, "A", strings.Repeat("x", maxFrame))
	if s.handle(event) {
		t.Fatal("whatsmeow would receipt what is not stored")
	}
	if places := s.conn.messages; len(places) != 0 || len(b.acks.of(s.conn)) != 0 {
		t.Fatalf("%d places are taken", len(places))
	}
	if frames := p.readUntilQuiet(); len(frames) > 0 {
		t.Fatalf("told: %v", frames)
	}
	nothing(t, told)
}
