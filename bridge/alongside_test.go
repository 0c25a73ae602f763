// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"testing"

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

// newReceipting is one, with a bridge and its peer.
func newReceipting(t *testing.T) (*bridge, *peer, *session, <-chan *types.MessageInfo) {
	t.Helper()
	b, p := newTestBridge(t)
	s, told := receipting(b, linkedDevice(t, b.store, ownJID, ownLID))
	return b, p, s, told
}

// customerOf is a customer's device, with a store of its own.
func customerOf(t *testing.T) *store.Device {
	t.Helper()
	return linkedDevice(t, openTestStore(t), types.JID{User: customerPN.User, Device: 3, Server: types.DefaultUserServer}, customerLID)
}

// readMessage returns the next frame of a message.
func (p *peer) readMessage() map[string]any {
	p.t.Helper()
	frame := p.readEvent()
	if frame["event"] != "message" {
		p.t.Fatalf("got %v", frame)
	}
	return frame
}

func TestPeoplesMessagesDoNotWaitForOneAnother(t *testing.T) {
	b, p, s, told := newReceipting(t)
	stanzas := encryptFor(t, customerOf(t), s.device, "one", "two", "three")
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

func TestNoMessageIsReceiptedAfterItsConnection(t *testing.T) {
	b, p, s, told := newReceipting(t)
	stanza := encryptFor(t, customerOf(t), s.device, "hello")[0]
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
			b, p, s, told := newReceipting(t)
			stanza := encryptFor(t, customerOf(t), s.device, "hello")[0]
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

// WhatsApp's socket may be slow; the answers of other sessions do not wait for it.
func TestAReceiptThatIsSlowToSendHoldsUpNoAnswer(t *testing.T) {
	b, p, s, _ := newReceipting(t)
	begun := make(chan struct{})
	s.receipt = func(ctx context.Context, _ *types.MessageInfo) {
		close(begun)
		<-ctx.Done()
	}
	stanza := encryptFor(t, customerOf(t), s.device, "hello")[0]
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
	b, p, s, told := newReceipting(t)
	event := decrypted(t, s, "A", "hello")
	event.Info.IsFromMe = true
	result := handleAsync(s, event)
	frame := p.readMessage()
	nothing(t, result)
	ack(b, frame, true)
	if !soon(t, result) {
		t.Fatal("whatsmeow would not receipt what is stored")
	}
	nothing(t, told)
}

// whatsmeow warns of every message whose handler says "not stored", which is every person's.
func TestAMessageThatIsToldIsNothingToWarnOf(t *testing.T) {
	b, p, s, told := newReceipting(t)
	var lines bytes.Buffer
	log, err := newLogger(&lines, "warn")
	if err != nil {
		t.Fatal(err)
	}
	s.client.Log = waLogger{log}
	stanza := encryptFor(t, customerOf(t), s.device, "hello")[0]
	soon(t, feed(s, &stanza))
	ack(b, p.readMessage(), true)
	soon(t, told)
	if lines.Len() > 0 {
		t.Fatalf("logged: %s", lines.String())
	}
}
