// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waCompanionReg"
	"google.golang.org/protobuf/proto"
)

// silentServer takes connections and says nothing.
func silentServer(t *testing.T) *testNetwork {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	key := whatsmeow.WACertPubKey
	t.Cleanup(func() { whatsmeow.WACertPubKey = key })
	network, err := newTestNetwork("ws://"+listener.Addr().String()+"/ws/chat", strings.Repeat("00", 32), "")
	if err != nil {
		t.Fatal(err)
	}
	return network
}

func TestDiallingCanBeGivenUp(t *testing.T) {
	for name, give := range map[string]func(b *bridge, s *session, cancel func()){
		"disconnect": func(b *bridge, s *session, _ func()) { _, _ = b.disconnect(context.Background(), s, nil) },
		"close":      func(b *bridge, s *session, _ func()) { _, _ = b.closeSession(context.Background(), s, nil) },
		"cancel":     func(_ *bridge, _ *session, cancel func()) { cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			b, p := newTestBridge(t)
			b.testNetwork = silentServer(t)
			s := newSession(b, "s", b.store.newDevice(), "Prosa")
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			failed := make(chan error, 1)
			go func() {
				_, err := b.connect(ctx, s, nil)
				failed <- err
			}()
			for s.current() == nil {
				time.Sleep(time.Millisecond)
			}
			time.Sleep(briefly)
			if err := s.requireOnline(); asRPCError(err).Code != codeNotLinked {
				t.Fatalf("while dialling: %v", err)
			}
			if _, err := s.requirePairing(); asRPCError(err).Code != codeNotConnected {
				t.Fatalf("while dialling: %v", err)
			}
			give(b, s, cancel)
			if err := soon(t, failed); err == nil {
				t.Fatal("connected to a silent server")
			}
			p.quiet()
		})
	}
}

func TestAfterALogoutTheDeviceIsGone(t *testing.T) {
	b, _ := newTestBridge(t)
	s := newSession(b, "s", linkedDevice(t, b.store, ownJID, ownLID), "Prosa")
	result, err := b.logout(t.Context(), s, nil)
	if err != nil || result != (logoutResult{Remote: false}) {
		t.Fatalf("got %v, %v", result, err)
	}
	if device, err := b.store.device(t.Context(), ownJID); device != nil || err != nil {
		t.Fatalf("still there: %v, %v", device, err)
	}
	if _, err := b.connect(t.Context(), s, nil); asRPCError(err).Code != codeDeviceNotFound {
		t.Fatalf("got %v", err)
	}
}

func TestThePhoneShowsTheNameOfTheDevice(t *testing.T) {
	b, _ := newTestBridge(t)
	for _, name := range []string{"Prosa", "Loja"} {
		var props waCompanionReg.DeviceProps
		payload := clientPayload(b.store.newDevice(), name)
		if err := proto.Unmarshal(payload.GetDevicePairingData().GetDeviceProps(), &props); err != nil {
			t.Fatal(err)
		}
		if props.GetOs() != name || props.GetRequireFullSync() {
			t.Fatalf("got %v", &props)
		}
	}
	if payload := clientPayload(linkedDevice(t, b.store, ownJID, ownLID), "x"); payload.GetUsername() != 5511999990001 {
		t.Fatalf("login payload %v", payload)
	}
}

// A login that WhatsApp asks for but that fails is told once.
func TestAFailedReloginIsADisconnect(t *testing.T) {
	b, p := newTestBridge(t)
	s := newTestSession(t, b, "s")
	first := s.current()
	s.device.Deleted = true // dialling fails at once
	go s.relogin(first)
	if data := p.read()["data"].(map[string]any); data["reason"] != "closed" {
		t.Fatalf("got %v", data)
	}
	s.relogin(first)
	p.quiet()
}
