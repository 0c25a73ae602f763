// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
)

func receiptOf(kind types.ReceiptType, ids ...string) *events.Receipt {
	return &events.Receipt{
		MessageSource: types.MessageSource{Chat: customerLID.ToNonAD(), Sender: customerLID}, MessageIDs: ids, Type: kind,
	}
}

// watched is a session that tells what it acknowledges.
func watched(t *testing.T, b *bridge, name string) (*session, <-chan *waBinary.Node) {
	t.Helper()
	s := newSession(b, name, b.store.newDevice(), "Prosa")
	s.setJID(types.JID{User: name, Device: 7, Server: types.DefaultUserServer})
	s.conn = newConnection(s.ctx, b.acks)
	told := make(chan *waBinary.Node, 2*receiptsUnanswered)
	s.acknowledge = func(_ context.Context, stanza *waBinary.Node) { told <- stanza }
	if err := b.add(s); err != nil {
		t.Fatal(err)
	}
	return s, told
}

// readReceipts returns the receipts of the next frame.
func (p *peer) readReceipts() []map[string]any {
	p.t.Helper()
	frame := p.read()
	if frame["event"] != "receipts" || frame["session"] != nil || frame["seq"] != nil {
		p.t.Fatalf("got %v", frame)
	}
	var items []map[string]any
	for _, item := range frame["data"].(map[string]any)["receipts"].([]any) {
		items = append(items, item.(map[string]any))
	}
	return items
}

func nothing[T any](t *testing.T, values <-chan T) {
	t.Helper()
	select {
	case value := <-values:
		t.Fatalf("unexpected %v", value)
	case <-time.After(briefly):
	}
}

func TestReceiptsAreToldTogetherAndAcknowledgedOnceStored(t *testing.T) {
	b, p := newTestBridge(t)
	one, ones := watched(t, b, "1")
	two, twos := watched(t, b, "2")
	server := newServer(b.stream, b.acks, b.log)
	go func() { _ = server.serve(b.ctx) }()
	for _, stored := range []bool{true, false} {
		for _, handled := range []bool{
			one.handle(receiptOf(types.ReceiptTypeDelivered, "A")),
			two.handle(receiptOf(types.ReceiptTypeRead, "B", "C")),
		} {
			if handled {
				t.Fatal("whatsmeow would acknowledge what is not stored")
			}
		}
		items := p.readReceipts()
		if len(items) != 2 || items[0]["session"] != "1" || items[1]["session"] != "2" || items[1]["type"] != "read" {
			t.Fatalf("got %v", items)
		}
		if ids := fmt.Sprint(items[1]["ids"]); ids != "[B C]" {
			t.Fatalf("got %s", ids)
		}
		nothing(t, ones)
		p.write(fmt.Sprintf(`{"acks":[%v,%v],"ok":%v}`, items[0]["seq"], items[1]["seq"], stored))
		if !stored {
			nothing(t, ones)
			nothing(t, twos)
			break
		}
		want := waBinary.Attrs{"id": "A", "from": customerLID}
		if stanza := soon(t, ones); stanza.Tag != "receipt" || !reflect.DeepEqual(stanza.Attrs, want) {
			t.Fatalf("got %v", stanza)
		}
		want = waBinary.Attrs{"id": "B", "from": customerLID, "type": "read"}
		if stanza := soon(t, twos); !reflect.DeepEqual(stanza.Attrs, want) {
			t.Fatalf("got %v", stanza)
		}
	}
	if len(b.acks.of(one.conn))+len(b.acks.of(two.conn)) != 0 {
		t.Fatal("an answered receipt is still awaited")
	}
}

func TestAReceiptDoesNotHoldUpTheNextMessage(t *testing.T) {
	b, p := newTestBridge(t)
	s, told := watched(t, b, "s")
	s.handle(receiptOf(types.ReceiptTypeDelivered, "A"))
	receipt := p.readReceipts()[0]
	result := handleAsync(s, incoming("M", "hello"))
	message := p.read()
	ack(b, message, true)
	if !soon(t, result) {
		t.Fatal("the message is not stored")
	}
	ack(b, receipt, true)
	soon(t, told)
}

func TestReceiptsWithoutAnAnswerAreBounded(t *testing.T) {
	b, p := newTestBridge(t)
	s, told := watched(t, b, "s")
	frames := make(chan []map[string]any, 1)
	go func() {
		var items []map[string]any
		for len(items) < receiptsUnanswered {
			items = append(items, p.readReceipts()...)
		}
		frames <- items
	}()
	for n := range receiptsUnanswered {
		s.handle(receiptOf(types.ReceiptTypeDelivered, fmt.Sprint(n)))
	}
	items := soon(t, frames)
	more := handleAsync(s, receiptOf(types.ReceiptTypeDelivered, "more"))
	nothing(t, more)
	ack(b, items[0], true)
	soon(t, told)
	soon(t, more)
	p.readReceipts()
	last := handleAsync(s, receiptOf(types.ReceiptTypeDelivered, "last"))
	s.conn.cancel()
	soon(t, last)
}

func TestNothingIsAcknowledgedAfterTheConnection(t *testing.T) {
	b, p := newTestBridge(t)
	s, told := watched(t, b, "s")
	other, others := watched(t, b, "other")
	s.handle(receiptOf(types.ReceiptTypeDelivered, "A"))
	other.handle(receiptOf(types.ReceiptTypeDelivered, "B"))
	items := p.readReceipts()
	s.conn.cancel()
	deadline := time.Now().Add(patience)
	for len(b.acks.of(s.conn)) > 0 {
		if time.Now().After(deadline) {
			t.Fatal("receipts of an ended connection are still awaited")
		}
		time.Sleep(time.Millisecond)
	}
	ack(b, items[0], true)
	ack(b, items[1], true)
	soon(t, others)
	nothing(t, told)
}

// of returns the events of a connection that wait.
func (t *ackTable) of(conn *connection) (seqs []uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for seq, awaited := range t.waiting {
		if awaited.conn == conn {
			seqs = append(seqs, seq)
		}
	}
	return seqs
}

// What is acknowledged later must say of its stanza what whatsmeow would have said.
func TestALaterAcknowledgementNamesItsStanza(t *testing.T) {
	b, p := newTestBridge(t)
	device := linkedDevice(t, b.store, ownJID, ownLID)
	s := connectedSession(b, device)
	told := make(chan *waBinary.Node, 1)
	s.acknowledge = func(_ context.Context, stanza *waBinary.Node) { told <- stanza }
	pn := types.JID{User: customerPN.User, Device: 3, Server: types.DefaultUserServer}
	for name, attrs := range map[string]waBinary.Attrs{
		"delivered": {"from": customerLID, "sender_pn": pn},
		"read":      {"from": customerLID, "type": "read"},
		"by number": {"from": pn, "type": "read"},
		"inactive":  {"from": customerLID, "type": "inactive"},
		"played":    {"from": customerLID, "type": "played"},
	} {
		attrs["id"], attrs["t"] = "A-"+name, "1700000000"
		node := &waBinary.Node{Tag: "receipt", Attrs: attrs}
		go s.client.DangerousInternals().HandleReceipt(s.conn.ctx, node)
		frame := p.readEvent()
		ack(b, frame["data"].(map[string]any)["receipts"].([]any)[0].(map[string]any), true)
		stanza := soon(t, told)
		for _, key := range []string{"id", "from", "type", "participant", "recipient"} { // receipt.go: sendAck
			if stanza.Attrs[key] != attrs[key] {
				t.Fatalf("%s: %s is %v, not %v", name, key, stanza.Attrs[key], attrs[key])
			}
		}
	}
}

func TestOnlyReceiptsOfOurMessagesToPeopleAreToldTogether(t *testing.T) {
	group := types.JID{User: "120363", Server: types.GroupServer}
	for name, change := range map[string]func(*events.Receipt){
		"read by us":           func(r *events.Receipt) { r.Type = types.ReceiptTypeReadSelf },
		"of another device":    func(r *events.Receipt) { r.IsFromMe = true },
		"of a group":           func(r *events.Receipt) { r.IsGroup, r.Chat = true, group },
		"with a recipient":     func(r *events.Receipt) { r.MessageSender = customerPN },
		"of another server":    func(r *events.Receipt) { r.Chat.Server = types.NewsletterServer },
		"of a kind of its own": func(r *events.Receipt) { r.Type = "new" },
	} {
		t.Run(name, func(t *testing.T) {
			b, p := newTestBridge(t)
			s, _ := watched(t, b, "s")
			receipt := receiptOf(types.ReceiptTypeDelivered, "A")
			change(receipt)
			result := handleAsync(s, receipt)
			frame := p.readEvent()
			if frame["event"] != "receipt" {
				t.Fatalf("got %v", frame)
			}
			ack(b, frame, true)
			if !soon(t, result) {
				t.Fatal("not stored")
			}
		})
	}
}

func TestAReceiptTooLargeToTellHoldsUpNoOther(t *testing.T) {
	b, p := newTestBridge(t)
	one, _ := watched(t, b, "1")
	two, twos := watched(t, b, "2")
	one.handle(receiptOf(types.ReceiptTypeDelivered, strings.Repeat("A", maxFrame)))
	two.handle(receiptOf(types.ReceiptTypeDelivered, "B"))
	two.handle(receiptOf(types.ReceiptTypeDelivered, "C"))
	var ids []string
	for len(ids) < 2 {
		for _, item := range p.readReceipts() {
			ids = append(ids, fmt.Sprint(item["ids"]))
			ack(b, item, true)
			soon(t, twos)
		}
	}
	if fmt.Sprint(ids) != "[[B] [C]]" {
		t.Fatalf("told: %s", ids)
	}
	if places := one.conn.receipts; len(places) != 0 || len(b.acks.of(one.conn)) != 0 {
		t.Fatalf("%d places are taken", len(places))
	}
}
