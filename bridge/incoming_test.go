// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"
)

func TestMessageCarriesBothFormsOfItsSender(t *testing.T) {
	b, p := newTestBridge(t)
	s := newTestSession(t, b, "s")
	err := b.store.container.LIDMap.PutLIDMapping(context.Background(), customerLID.ToNonAD(), customerPN)
	if err != nil {
		t.Fatal(err)
	}
	for i, wantMapping := range []bool{true, false} {
		event := incoming("A", "hello")
		event.Info.DeviceSentMeta = &types.DeviceSentMeta{DestinationJID: "x@lid"}
		result := handleAsync(s, event)
		if wantMapping {
			frame := p.read()
			want := map[string]any{"lid": "2002@lid", "pn": "5511888880002@s.whatsapp.net"}
			if frame["event"] != "lid_mapping" || !reflect.DeepEqual(frame["data"], want) {
				t.Fatalf("%d: got %v", i, frame)
			}
		}
		frame := p.read()
		data := frame["data"].(map[string]any)
		info := data["info"].(map[string]any)
		for key, want := range map[string]any{
			"id": "A", "chat": "2002@lid", "sender": "2002:3@lid", "sender_alt": "5511888880002:3@s.whatsapp.net",
			"recipient_alt": "", "timestamp": 1_700_000_000_000.0, "type": "text", "destination": "x@lid", "is_from_me": false,
		} {
			if info[key] != want {
				t.Errorf("%s: %v, want %v", key, info[key], want)
			}
		}
		if !reflect.DeepEqual(data["message"], map[string]any{"conversation": "hello"}) {
			t.Fatalf("got %v", data)
		}
		ack(b, frame, true)
		soon(t, result)
	}
}

func TestInternalMessagesAreNotTold(t *testing.T) {
	b, p := newTestBridge(t)
	s := newTestSession(t, b, "s")
	peerMessage := incoming("P", "key share")
	peerMessage.Info.Category = "peer"
	echo := incoming("E", "ours")
	echo.Info.IsFromMe, echo.Info.Sender = true, ownLID
	keyOnly := incoming("K", "")
	keyOnly.Message = &waE2E.Message{
		SenderKeyDistributionMessage: &waE2E.SenderKeyDistributionMessage{GroupID: proto.String("g")},
		MessageContextInfo:           &waE2E.MessageContextInfo{},
	}
	for name, event := range map[string]any{
		"from the phone to its devices": peerMessage,
		"own echo":                      echo,
		"only a sender key":             keyOnly,
		"no message":                    &events.Message{},
		"hidden failure":                &events.UndecryptableMessage{DecryptFailMode: events.DecryptFailHide},
		"retry receipt":                 &events.Receipt{Type: types.ReceiptTypeRetry},
		"history":                       &events.HistorySync{},
	} {
		if !soon(t, handleAsync(s, event)) {
			t.Errorf("%s: not acknowledged", name)
		}
	}
	p.quiet()
	keyOnly.Message.Conversation = proto.String("and content")
	handleAsync(s, keyOnly)
	if frame := p.read(); frame["event"] != "message" {
		t.Fatalf("got %v", frame)
	}
}

func TestReceiptsAreNamed(t *testing.T) {
	b, p := newTestBridge(t)
	s := newTestSession(t, b, "s")
	for kind, want := range map[types.ReceiptType]string{
		"": "delivered", "inactive": "delivered", "read": "read", "played": "played", "read-self": "read_self",
		"sender": "sender", "server-error": "server_error", "something": "other",
	} {
		result := handleAsync(s, &events.Receipt{
			MessageSource: types.MessageSource{Chat: customerPN, Sender: customerPN, SenderAlt: customerLID},
			MessageIDs:    []string{"A", "B"}, Type: kind, Timestamp: time.UnixMilli(5000),
		})
		frame := p.read()
		if frame["event"] == "lid_mapping" {
			frame = p.read()
		}
		wanted := map[string]any{
			"type": want, "chat": "5511888880002@s.whatsapp.net", "chat_alt": "2002@lid",
			"sender": "5511888880002@s.whatsapp.net", "ids": []any{"A", "B"}, "timestamp": 5000.0,
			"is_from_me": false, "is_group": false,
		}
		awaited, data := frame, frame["data"].(map[string]any)
		if frame["event"] == "receipts" {
			awaited = data["receipts"].([]any)[0].(map[string]any)
			data = maps.Clone(awaited)
			delete(data, "session")
			delete(data, "seq")
		}
		if !reflect.DeepEqual(data, wanted) {
			t.Errorf("%q: got %v", kind, data)
		}
		ack(b, awaited, true)
		soon(t, result)
	}
}

func TestUndecryptableSaysWhy(t *testing.T) {
	b, p := newTestBridge(t)
	s := newTestSession(t, b, "s")
	for want, event := range map[string]*events.UndecryptableMessage{
		"decryption_failed": {},
		"unavailable":       {IsUnavailable: true},
		"view_once":         {IsUnavailable: true, UnavailableType: events.UnavailableTypeViewOnce},
	} {
		result := handleAsync(s, event)
		frame := p.read()
		if data := frame["data"].(map[string]any); data["reason"] != want {
			t.Errorf("got %v, want %s", data, want)
		}
		ack(b, frame, true)
		soon(t, result)
	}
}

// Prosa could not read a message that quotes one that quotes one …: its reader would end with it, for all numbers, and
// again as often as WhatsApp delivers it.
func TestEndlessNestingIsCutOff(t *testing.T) {
	quoting := func(text string, quoted *waE2E.Message) *waE2E.Message {
		return &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{
			Text: proto.String(text), ContextInfo: &waE2E.ContextInfo{QuotedMessage: quoted},
		}}
	}
	message := &waE2E.Message{Conversation: proto.String("innermost \x00")}
	for range 2000 {
		message = quoting("again", message)
	}
	message = quoting("hello", message)
	encoded, err := encodeMessage(message)
	if err != nil {
		t.Fatal(err)
	}
	depth, most := 0, 0
	for _, char := range string(encoded) {
		switch char {
		case '{', '[':
			depth++
			most = max(most, depth)
		case '}', ']':
			depth--
		}
	}
	if most < deepest || most > 2*deepest {
		t.Fatalf("%d levels of JSON", most)
	}
	var read struct {
		ExtendedTextMessage struct {
			Text        string
			ContextInfo struct {
				QuotedMessage struct{ ExtendedTextMessage struct{ Text string } }
			}
		}
	}
	if err := json.Unmarshal(encoded, &read); err != nil {
		t.Fatal(err)
	}
	outer := read.ExtendedTextMessage
	if outer.Text != "hello" || outer.ContextInfo.QuotedMessage.ExtendedTextMessage.Text != "again" {
		t.Fatalf("got %+v", read)
	}
	usual := quoting("hello", quoting("again", nil))
	if encoded, err = encodeMessage(usual); err != nil || isDeeper(usual.ProtoReflect(), deepest) {
		t.Fatalf("%s: %v", encoded, err)
	}
}

func TestTextThatIsNotUTF8IsMended(t *testing.T) {
	message := &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{
		Text: proto.String("a\xffb"),
		ContextInfo: &waE2E.ContextInfo{
			MentionedJID:  []string{"x\xfe", "ok"},
			QuotedMessage: &waE2E.Message{Conversation: proto.String("\xff")},
		},
	}}
	encoded, err := encodeMessage(message)
	if err != nil {
		t.Fatal(err)
	}
	var back struct {
		ExtendedTextMessage struct {
			Text        string
			ContextInfo struct {
				MentionedJID  []string
				QuotedMessage struct{ Conversation string }
			}
		}
	}
	if err := json.Unmarshal(encoded, &back); err != nil {
		t.Fatal(err)
	}
	context := back.ExtendedTextMessage.ContextInfo
	if back.ExtendedTextMessage.Text != "a\uFFFDb" || context.QuotedMessage.Conversation != "\uFFFD" ||
		!reflect.DeepEqual(context.MentionedJID, []string{"x\uFFFD", "ok"}) {
		t.Fatalf("got %s", encoded)
	}
	if !strings.Contains(message.GetExtendedTextMessage().GetText(), "\xff") {
		t.Fatal("the original was changed")
	}
}

func TestUnknownFieldsOfAMessageAreIgnored(t *testing.T) {
	message, err := parseMessage(json.RawMessage(`{"conversation":"x","fieldOfTomorrow":{"a":1}}`))
	if err != nil || message.GetConversation() != "x" {
		t.Fatalf("got %v, %v", message, err)
	}
}
