// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"go.mau.fi/libsignal/ecc"
	signalidentity "go.mau.fi/libsignal/keys/identity"
	"go.mau.fi/libsignal/keys/prekey"
	"go.mau.fi/libsignal/protocol"
	signalsession "go.mau.fi/libsignal/session"
	"go.mau.fi/libsignal/util/optional"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waAdv"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

// linkedDevice saves a device as if it had been paired.
func linkedDevice(t *testing.T, c *credentials, jid, lid types.JID) *store.Device {
	t.Helper()
	device := c.newDevice()
	saveAsLinked(t, device, jid, lid)
	return device
}

func saveAsLinked(t *testing.T, device *store.Device, jid, lid types.JID) {
	t.Helper()
	device.ID, device.LID = &jid, lid
	device.Account = &waAdv.ADVSignedDeviceIdentity{
		Details: []byte("details"), AccountSignature: make([]byte, 64), AccountSignatureKey: make([]byte, 32), DeviceSignature: make([]byte, 64),
	}
	if err := device.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// connectedSession makes a session of a linked device as it is once connected.
func connectedSession(b *bridge, device *store.Device) *session {
	s := newSession(b, "s", device, "Prosa")
	s.conn = newConnection(s.ctx, b.acks)
	return s
}

// feed lets a session handle what WhatsApp delivers; the channel closes once that is done.
func feed(s *session, stanza *waBinary.Node) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		s.client.DangerousInternals().HandleEncryptedMessage(s.conn.ctx, stanza)
		close(done)
	}()
	return done
}

// handle feeds a session, and also returns the first frame about it.
func handle(s *session, p *peer, stanza *waBinary.Node) (<-chan struct{}, map[string]any) {
	done := feed(s, stanza)
	return done, p.readEvent()
}

// encryptFor encrypts texts from a customer for a device, as stanzas' contents.
func encryptFor(t *testing.T, customer, device *store.Device, texts ...string) []waBinary.Node {
	t.Helper()
	to := device.LID.SignalAddress()
	builder := signalsession.NewBuilderFromSignal(customer, to, store.SignalProtobufSerializer)
	signed := device.SignedPreKey
	bundle := prekey.NewBundle(
		device.RegistrationID, uint32(device.LID.Device), optional.NewEmptyUint32(), signed.KeyID, nil,
		ecc.NewDjbECPublicKey(*signed.Pub), *signed.Signature, signalidentity.NewKey(ecc.NewDjbECPublicKey(*device.IdentityKey.Pub)),
	)
	if err := builder.ProcessBundle(t.Context(), bundle); err != nil {
		t.Fatal(err)
	}
	cipher := signalsession.NewCipher(builder, to)
	stanzas := make([]waBinary.Node, 0, len(texts))
	for i, text := range texts {
		plain, err := proto.Marshal(&waE2E.Message{Conversation: proto.String(text)})
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := cipher.Encrypt(t.Context(), append(plain, bytes.Repeat([]byte{3}, 3)...))
		if err != nil {
			t.Fatal(err)
		}
		kind := "msg"
		if sealed.Type() == protocol.PREKEY_TYPE {
			kind = "pkmsg"
		}
		stanzas = append(stanzas, waBinary.Node{
			Tag:   "message",
			Attrs: waBinary.Attrs{"id": fmt.Sprintf("M%d", i), "from": customer.LID, "sender_pn": *customer.ID, "t": "1700000000", "type": "text"},
			Content: []waBinary.Node{{
				Tag: "enc", Attrs: waBinary.Attrs{"v": "2", "type": kind}, Content: sealed.Serialize(),
			}},
		})
	}
	return stanzas
}

// What was not stored can be decrypted again when WhatsApp delivers it again,
// also by another process; what was stored is not told a second time.
func TestRefusedMessagesAreReadableAgain(t *testing.T) {
	b, p := newTestBridge(t)
	device := linkedDevice(t, b.store, ownJID, ownLID)
	customer := linkedDevice(t, openTestStore(t), types.JID{User: customerPN.User, Device: 3, Server: types.DefaultUserServer}, customerLID)
	stanzas := encryptFor(t, customer, device, "first", "second")

	var told <-chan *types.MessageInfo
	open := func() (s *session) {
		stored, err := b.store.device(t.Context(), ownJID)
		if err != nil || stored == nil {
			t.Fatalf("device: %v, %v", stored, err)
		}
		s, told = receipting(b, stored)
		return s
	}
	expect := func(stanza waBinary.Node, text string, s *session, stored bool) {
		t.Helper()
		done := feed(s, &stanza)
		frame := p.read()
		for frame["seq"] == nil {
			frame = p.read()
		}
		message := frame["data"].(map[string]any)["message"].(map[string]any)
		if message["conversation"] != text {
			t.Fatalf("got %v, want %s", frame, text)
		}
		ack(b, frame, stored)
		soon(t, done)
		if stored {
			soon(t, told)
		}
	}

	s := open()
	expect(stanzas[0], "first", s, false) // refused …
	expect(stanzas[1], "second", s, true) // … while the next one is stored
	expect(stanzas[0], "first", s, false) // again on the same client
	s.cancel()
	s = open() // a new process
	expect(stanzas[0], "first", s, true)
	b.plaintexts.flush()
	for _, stanza := range stanzas {
		soon(t, feed(s, &stanza))
	}
	p.quiet()
}

// While the store is away a message is neither told nor acknowledged nor asked for again; the session is disconnected.
func TestAStoreThatIsAwayLosesNoMessage(t *testing.T) {
	b, p := newTestBridge(t)
	device := linkedDevice(t, b.store, ownJID, ownLID)
	customer := linkedDevice(t, openTestStore(t), types.JID{User: customerPN.User, Device: 3, Server: types.DefaultUserServer}, customerLID)
	stanza := encryptFor(t, customer, device, "hello")[0]
	s := connectedSession(b, device)
	var lines bytes.Buffer
	log, err := newLogger(&lines, "debug")
	if err != nil {
		t.Fatal(err)
	}
	s.client.Log = waLogger{log}
	_ = b.store.db.Close()
	done, frame := handle(s, p, &stanza)
	if data, _ := frame["data"].(map[string]any); frame["event"] != "disconnected" || data["detail"] != "the credentials store failed" {
		t.Fatalf("got %v", frame)
	}
	soon(t, done)
	p.quiet()
	// With no socket, whatever whatsmeow tried to send to WhatsApp is in its log.
	if text := lines.String(); strings.Contains(text, "Failed to send") || strings.Contains(text, "retry receipt") {
		t.Fatalf("something was sent:\n%s", text)
	}
}

// What a store with no space, without the right to write, or locked by another
// program cannot keep is not acknowledged, and readable when it comes again.
func TestAStoreThatCannotBeWrittenLosesNoMessage(t *testing.T) {
	pragma := func(statement string) func(*testing.T, *credentials) {
		return func(t *testing.T, c *credentials) {
			t.Helper()
			if _, err := c.db.Exec("PRAGMA " + statement); err != nil {
				t.Fatal(err)
			}
		}
	}
	var unlock func()
	lock := func(t *testing.T, c *credentials) {
		t.Helper()
		pragma("busy_timeout=20")(t, c)
		var number, name, file string
		if err := c.db.QueryRow("PRAGMA database_list").Scan(&number, &name, &file); err != nil {
			t.Fatal(err)
		}
		other, err := sql.Open("sqlite", "file:"+filepath.ToSlash(file)+"?"+sqliteSettings)
		if err != nil {
			t.Fatal(err)
		}
		holding, err := other.Begin()
		if err != nil {
			t.Fatal(err)
		}
		unlock = func() { _ = holding.Rollback(); _ = other.Close() }
	}
	for name, trouble := range map[string]struct {
		begin, end func(*testing.T, *credentials)
	}{
		"full":      {pragma("max_page_count=1"), pragma("max_page_count=1000000")},
		"read-only": {pragma("query_only=1"), pragma("query_only=0")},
		"locked":    {lock, func(*testing.T, *credentials) { unlock() }},
	} {
		t.Run(name, func(t *testing.T) {
			b, p := newTestBridge(t)
			device := linkedDevice(t, b.store, ownJID, ownLID)
			customer := linkedDevice(t, openTestStore(t), types.JID{User: customerPN.User, Device: 3, Server: types.DefaultUserServer}, customerLID)
			long := strings.Repeat("so long that it needs pages of its own; ", 400)
			stanza := encryptFor(t, customer, device, long)[0]
			again := func() (<-chan struct{}, map[string]any) {
				stored, err := b.store.device(t.Context(), ownJID)
				if err != nil || stored == nil {
					t.Fatalf("device: %v, %v", stored, err)
				}
				s := connectedSession(b, stored)
				return handle(s, p, &stanza)
			}

			trouble.begin(t, b.store)
			done, frame := again()
			if frame["event"] != "disconnected" {
				t.Fatalf("got %v", frame["event"])
			}
			soon(t, done)
			p.quiet()
			trouble.end(t, b.store)
			done, frame = again()
			message, _ := frame["data"].(map[string]any)["message"].(map[string]any)
			if message["conversation"] != long {
				t.Fatalf("got %v", frame["event"])
			}
			ack(b, frame, true)
			soon(t, done)
		})
	}
}

// The next message of the chat, once the store is back, must not be stored before the one that failed.
func TestNothingIsToldOfAConnectionOnceTheStoreFailed(t *testing.T) {
	b, p := newTestBridge(t)
	device := linkedDevice(t, b.store, ownJID, ownLID)
	for range 20 {
		s := connectedSession(b, device)
		s.storeFailed(errors.New("database is locked"))
		if s.handle(incoming("A", "next")) {
			t.Fatal("whatsmeow would receipt what is not stored")
		}
		told := p.readUntilQuiet()
		for _, frame := range told {
			if frame["event"] != "disconnected" {
				t.Fatalf("told: %v", frame)
			}
		}
		if len(told) == 0 || s.conn.ctx.Err() == nil {
			t.Fatalf("still connected: %v", told)
		}
	}
}
