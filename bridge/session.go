// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"

	"go.mau.fi/whatsmeow"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waCompanionReg"
	"go.mau.fi/whatsmeow/proto/waWa6"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

// session is one linked number (or one to be linked): a whatsmeow client and its current connection.
type session struct {
	name   string
	bridge *bridge
	log    *slog.Logger
	device *store.Device
	client *whatsmeow.Client
	ctx    context.Context // ends with the session
	cancel context.CancelFunc

	// acknowledge tells WhatsApp that a stanza was received, receipt that a message was.
	acknowledge func(ctx context.Context, stanza *waBinary.Node)
	receipt     func(ctx context.Context, info *types.MessageInfo)

	life   sync.Mutex // one of connect, disconnect, logout, close, relogin at a time
	closed bool       // guarded by life

	events sync.Mutex // one event that waits for its ack, or a message for a place, at a time

	mu    sync.Mutex // guards the fields below
	conn  *connection
	jid   types.JID // empty: not linked
	known map[types.JID]types.JID
	// groups whose names were told, or asked on a connection
	groups map[types.JID]*connection

	naming sync.Mutex // one question for a group's name at a time
}

// connection is one socket to WhatsApp, from `connect` to its end.
type connection struct {
	ctx    context.Context
	cancel context.CancelFunc
	ended  atomic.Bool // told to Prosa, or wished by Prosa: no `disconnected` any more
	up     atomic.Bool // the socket is open
	ready  atomic.Bool // logged in
	again  atomic.Bool // the login after pairing has begun
	qr     *qrRotation

	telling sync.Mutex // one event that must be stored is told at a time

	// a place for each event that may be without an answer
	receipts, messages chan struct{}
}

// newConnection makes a connection that ends with a context. What is then without an answer is forgotten.
func newConnection(ctx context.Context, acks *ackTable) *connection {
	c := &connection{
		qr:       newQRRotation(),
		receipts: make(chan struct{}, receiptsUnanswered), messages: make(chan struct{}, messagesUnanswered),
	}
	c.ctx, c.cancel = context.WithCancel(ctx)
	context.AfterFunc(c.ctx, func() {
		c.silence()
		acks.dropAll(c)
	})
	return c
}

// end marks the connection as over; false if it already was.
func (c *connection) end() bool {
	return c != nil && c.ended.CompareAndSwap(false, true)
}

// live says whether the socket is open as far as is known. whatsmeow's own
// IsConnected would wait for a dial to end.
func (c *connection) live() bool {
	return c != nil && c.up.Load() && !c.ended.Load()
}

// newSession makes a client for a device. Nothing is connected.
func newSession(b *bridge, name string, device *store.Device, deviceName string) *session {
	ctx, cancel := context.WithCancel(b.ctx)
	s := &session{
		name: name, bridge: b, device: device, ctx: ctx, cancel: cancel,
		log:   b.log.With("session", name),
		jid:   device.GetJID(),
		known: make(map[types.JID]types.JID), groups: make(map[types.JID]*connection),
	}
	guardDevice(device, s.storeFailed)
	client := whatsmeow.NewClient(device, waLogger{s.log})
	client.BackgroundEventCtx = ctx
	client.EnableAutoReconnect = false // Prosa decides when to connect again
	client.DisableLoginAutoReconnect = true
	client.SynchronousAck = true // acknowledge a stanza after its handler …
	client.EnableDecryptedEventBuffer = true
	client.UseRetryMessageStore = true // answer retry receipts also after a restart
	client.RefreshCAT = func(context.Context) error { return errors.New("not a Messenger client") }
	client.SetForceActiveDeliveryReceipts(true) // two grey ticks, though the push name may be unknown
	client.GetClientPayload = func() *waWa6.ClientPayload { return clientPayload(device, deviceName) }
	client.AddEventHandlerWithSuccessStatus(s.handle) // … and only when it succeeded
	b.testNetwork.apply(client)
	s.client = client
	s.acknowledge = func(ctx context.Context, stanza *waBinary.Node) {
		client.DangerousInternals().SendAck(ctx, stanza, 0)
	}
	s.receipt = func(ctx context.Context, info *types.MessageInfo) {
		client.DangerousInternals().SendMessageReceipt(ctx, info, receiptedStanza(info))
	}
	return s
}

// clientPayload is whatsmeow's, with the name that the phone shows for the device.
func clientPayload(device *store.Device, deviceName string) *waWa6.ClientPayload {
	payload := device.GetClientPayload()
	if pairing := payload.DevicePairingData; pairing != nil {
		props := proto.Clone(store.DeviceProps).(*waCompanionReg.DeviceProps)
		props.Os = proto.String(deviceName)
		props.RequireFullSync = proto.Bool(false)
		props.HistorySyncConfig.StorageQuotaMb = proto.Uint32(100) // old messages are not kept
		if encoded, err := proto.Marshal(props); err == nil {
			pairing.DeviceProps = encoded
		}
	}
	return payload
}

// current returns the connection that events belong to; nil before the first.
func (s *session) current() *connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn
}

func (s *session) linkedJID() types.JID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.jid
}

func (s *session) setJID(jid types.JID) {
	s.mu.Lock()
	s.jid = jid
	s.mu.Unlock()
}

// requireOnline fails unless the session is linked, connected and logged in.
func (s *session) requireOnline() error {
	conn := s.current()
	switch {
	case s.linkedJID().IsEmpty():
		return newError(codeNotLinked, "the session is not linked")
	case !conn.live() || !conn.ready.Load():
		return newError(codeNotConnected, "the session is not connected")
	}
	return nil
}
