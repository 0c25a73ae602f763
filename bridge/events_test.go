// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"
)

func incoming(id, text string) *events.Message {
	return (&events.Message{
		Info: types.MessageInfo{
			MessageSource: types.MessageSource{Chat: customerLID.ToNonAD(), Sender: customerLID},
			ID:            id, Type: "text", Timestamp: time.UnixMilli(1_700_000_000_000),
		},
		RawMessage: &waE2E.Message{Conversation: proto.String(text)},
	}).UnwrapRaw()
}

// handleAsync runs the handler as whatsmeow does and returns its later result.
func handleAsync(s *session, event any) <-chan bool {
	result := make(chan bool, 1)
	go func() { result <- s.handle(event) }()
	return result
}

func ack(b *bridge, frame map[string]any, ok bool) {
	b.acks.resolve(uint64(frame["seq"].(float64)), ok)
}

func TestHandlerWaitsForTheAnswer(t *testing.T) {
	for _, stored := range []bool{true, false} {
		t.Run(fmt.Sprint(stored), func(t *testing.T) {
			b, p := newTestBridge(t)
			s := newTestSession(t, b, "s")
			result := handleAsync(s, incoming("A", "hello"))
			frame := p.read()
			if frame["event"] != "message" || frame["session"] != "s" {
				t.Fatalf("got %v", frame)
			}
			select {
			case <-result:
				t.Fatal("the handler did not wait")
			case <-time.After(briefly):
			}
			b.acks.resolve(999, !stored) // of another event
			ack(b, frame, stored)
			if got := soon(t, result); got != stored {
				t.Fatalf("got %v", got)
			}
			if len(b.acks.of(s.conn)) != 0 {
				t.Fatal("an answered event is still awaited")
			}
		})
	}
}

func TestAnswersTravelOverTheStream(t *testing.T) {
	b, p := newTestBridge(t)
	s := newTestSession(t, b, "s")
	server := newServer(b.stream, b.acks, b.log)
	go func() { _ = server.serve(b.ctx) }()
	for _, stored := range []bool{true, false} {
		result := handleAsync(s, incoming("A", "hello"))
		p.write(fmt.Sprintf(`{"ack":%v,"ok":%v}`, p.read()["seq"], stored))
		if got := soon(t, result); got != stored {
			t.Fatalf("got %v, want %v", got, stored)
		}
	}
	result := handleAsync(s, incoming("B", "hello"))
	p.read()
	_ = p.conn.Close() // Prosa dies
	if soon(t, result) {
		t.Fatal("stored without an answer")
	}
}

func TestNothingIsStoredWhenTheWaitIsCutShort(t *testing.T) {
	for name, cut := range map[string]func(*bridge, *session){
		"stream closed":      func(b *bridge, _ *session) { b.stream.Close() },
		"disconnected":       func(b *bridge, s *session) { _, _ = b.disconnect(context.Background(), s, nil) },
		"session closed":     func(b *bridge, s *session) { _, _ = b.closeSession(context.Background(), s, nil) },
		"connection dropped": func(_ *bridge, s *session) { go s.handle(&events.Disconnected{}) },
	} {
		t.Run(name, func(t *testing.T) {
			b, p := newTestBridge(t)
			s := newTestSession(t, b, "s")
			result := handleAsync(s, incoming("A", "hello"))
			p.read()
			cut(b, s)
			if soon(t, result) {
				t.Fatal("stored without an answer")
			}
			if s.handle(incoming("B", "later")) {
				t.Fatal("an event of an ended connection counts as stored")
			}
		})
	}
}

func TestOneEventOfASessionWaitsAtATime(t *testing.T) {
	b, p := newTestBridge(t)
	s := newTestSession(t, b, "s")
	first := handleAsync(s, incoming("A", "1"))
	frame := p.read()
	second := handleAsync(s, &events.Receipt{
		MessageSource: types.MessageSource{Chat: customerPN, Sender: customerPN}, MessageIDs: []string{"X"},
		Type: types.ReceiptTypeReadSelf,
	})
	p.quiet()
	ack(b, frame, true)
	if !soon(t, first) {
		t.Fatal("first")
	}
	frame = p.read()
	if frame["event"] != "receipt" {
		t.Fatalf("got %v", frame)
	}
	ack(b, frame, true)
	if !soon(t, second) {
		t.Fatal("second")
	}
}

func TestAWaitingSessionDoesNotHoldUpAnother(t *testing.T) {
	b, p := newTestBridge(t)
	s := newTestSession(t, b, "s")
	other := newSession(b, "other", b.store.newDevice(), "Prosa")
	other.conn = newConnection(other.ctx, b.acks)
	handleAsync(s, incoming("A", "1"))
	p.read()
	result := handleAsync(other, incoming("B", "2"))
	frame := p.read()
	if frame["session"] != "other" {
		t.Fatalf("got %v", frame)
	}
	ack(b, frame, true)
	if !soon(t, result) {
		t.Fatal("not stored")
	}
}

func TestPanicInAHandlerIsAFailure(t *testing.T) {
	b, _ := newTestBridge(t)
	s := newTestSession(t, b, "s")
	b.acks = nil
	if s.handle(incoming("A", "1")) {
		t.Fatal("a panic counts as stored")
	}
}

func TestConnectionEventsAreToldOnce(t *testing.T) {
	for name, event := range map[string]any{
		"disconnected":    &events.Disconnected{},
		"stream_replaced": &events.StreamReplaced{},
		"client_outdated": &events.ClientOutdated{},
		"connect_failure": &events.ConnectFailure{Reason: 400},
		"temporary_ban":   &events.TemporaryBan{Code: 101, Expire: time.Minute},
		"pair_error":      &events.PairError{},
		"logged_out":      &events.LoggedOut{Reason: 401},
	} {
		t.Run(name, func(t *testing.T) {
			b, p := newTestBridge(t)
			s := newTestSession(t, b, "s")
			go s.handle(event)
			if frame := p.read(); frame["event"] != name {
				t.Fatalf("got %v", frame)
			}
			go s.handle(&events.Disconnected{})
			p.quiet()
			if linked := !s.linkedJID().IsEmpty(); linked == (name == "logged_out") {
				t.Fatalf("linked: %v", linked)
			}
		})
	}
}

func TestDeadAndBrokenConnectionsAreDropped(t *testing.T) {
	b, p := newTestBridge(t)
	s := newTestSession(t, b, "s")
	s.handle(&events.KeepAliveTimeout{ErrorCount: keepAliveFailures - 1})
	p.quiet()
	s.handle(&events.KeepAliveTimeout{ErrorCount: keepAliveFailures})
	if data := p.read()["data"].(map[string]any); data["reason"] != "keepalive" {
		t.Fatalf("got %v", data)
	}
	if s.current().ctx.Err() == nil {
		t.Fatal("the connection lives on")
	}
	broken := newTestSession(t, &bridge{
		ctx: b.ctx, log: b.log, stream: b.stream, acks: b.acks, store: b.store, sessions: map[string]*session{},
	}, "broken")
	broken.handle(&events.StreamError{Code: "999"})
	data, _ := json.Marshal(p.read()["data"])
	if string(data) != `{"detail":"999","reason":"stream_error"}` {
		t.Fatalf("got %s", data)
	}
}

func TestQRCodesRotate(t *testing.T) {
	if qrLifetime(6) != time.Minute || qrLifetime(5) != 20*time.Second || qrLifetime(1) != 20*time.Second {
		t.Fatal("lifetimes")
	}
	q := newQRRotation()
	if q.start(nil) || !q.start(make([]string, 6)) || q.start(make([]string, 6)) {
		t.Fatal("codes of one connection are shown once")
	}
	soon(t, q.seen)
	if left := q.left(); left > 160*time.Second || left < 155*time.Second {
		t.Fatalf("left %v", left)
	}
	b, p := newTestBridge(t)
	s := newTestSession(t, b, "s")
	s.handle(&events.QR{Codes: []string{"one", "two"}})
	if data := p.read()["data"].(map[string]any); data["code"] != "one" || data["expires_in_ms"] != 20000.0 {
		t.Fatalf("got %v", data)
	}
	go s.handle(&events.PairPasskeyRequest{PublicKey: &types.WebAuthnPublicKey{RelyingPartID: "whatsapp.com"}})
	if frame := p.read(); frame["event"] != "passkey_request" {
		t.Fatalf("got %v", frame)
	}
	select {
	case <-s.conn.qr.stop:
	default:
		t.Fatal("codes rotate on during the passkey ceremony")
	}
}
