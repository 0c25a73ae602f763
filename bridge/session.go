// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waCompanionReg"
	"go.mau.fi/whatsmeow/proto/waWa6"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

const (
	// dialTimeout bounds a connect: TCP, TLS, WebSocket and Noise handshakes.
	dialTimeout = 45 * time.Second
	// loginTimeout bounds the time from the socket to `connected`, which may
	// include an upload of 812 prekeys (whatsmeow connectionevents.go).
	loginTimeout = 90 * time.Second
	// logoutTimeout bounds the request that unlinks the device at WhatsApp.
	logoutTimeout = 15 * time.Second
	// pairedWait is how long WhatsApp has after pairing to ask for the new login
	// (stream error 515) before the bridge makes it by itself.
	pairedWait = 5 * time.Second
	// reloginTries are the attempts of that login before `disconnected` is told.
	reloginTries = 3
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

	life   sync.Mutex // one of connect, disconnect, logout, close, relogin at a time
	closed bool       // guarded by life

	events sync.Mutex // one event that waits for its ack at a time

	mu    sync.Mutex // guards the fields below
	conn  *connection
	jid   types.JID // empty: not linked
	known map[types.JID]types.JID
}

// connection is one socket to WhatsApp, from `connect` to its end.
type connection struct {
	ctx    context.Context
	cancel context.CancelFunc
	ended  atomic.Bool // told to Prosa, or wished by Prosa: no `disconnected` any more
	ready  atomic.Bool // logged in
	again  atomic.Bool // the login after pairing has begun
	qr     *qrRotation
}

// end marks the connection as over; false if it already was.
func (c *connection) end() bool {
	return c != nil && c.ended.CompareAndSwap(false, true)
}

// newSession makes a client for a device. Nothing is connected.
func newSession(b *bridge, name string, device *store.Device, deviceName string) *session {
	ctx, cancel := context.WithCancel(b.ctx)
	s := &session{
		name: name, bridge: b, device: device, ctx: ctx, cancel: cancel,
		log:   b.log.With("session", name),
		jid:   device.GetJID(),
		known: make(map[types.JID]types.JID),
	}
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
	switch {
	case s.linkedJID().IsEmpty():
		return newError(codeNotLinked, "the session is not linked")
	case !s.client.IsConnected() || !s.client.IsLoggedIn():
		return newError(codeNotConnected, "the session is not connected")
	}
	return nil
}

type openParams struct {
	JID        string `json:"jid"`
	DeviceName string `json:"device_name"`
}

type identity struct {
	JID      string `json:"jid"`
	LID      string `json:"lid"`
	PushName string `json:"push_name"`
}

type openResult struct {
	Linked bool `json:"linked"`
	identity
}

func (s *session) identity() identity {
	return identity{s.device.GetJID().String(), s.device.GetLID().String(), s.device.PushName}
}

func (b *bridge) open(ctx context.Context, name string, raw json.RawMessage) (any, error) {
	params, err := decode[openParams](raw)
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, newError(codeBadRequest, "no session")
	}
	if params.DeviceName == "" {
		params.DeviceName = "Prosa"
	}
	device := b.store.newDevice()
	if params.JID != "" {
		jid, err := parseJID(params.JID)
		if err != nil {
			return nil, err
		}
		if device, err = b.store.device(ctx, jid); err != nil {
			return nil, err
		} else if device == nil {
			return nil, newError(codeDeviceNotFound, "the store has no device %s", jid)
		}
	}
	s := newSession(b, name, device, params.DeviceName)
	if err := b.add(s); err != nil {
		s.cancel()
		return nil, err
	}
	return openResult{Linked: device.ID != nil, identity: s.identity()}, nil
}

func (b *bridge) connect(ctx context.Context, s *session, _ json.RawMessage) (any, error) {
	s.life.Lock()
	defer s.life.Unlock()
	if s.closed {
		return nil, newError(codeUnknownSession, "the session was closed")
	}
	if s.client.IsConnected() {
		return empty{}, nil
	}
	return empty{}, s.dial(ctx)
}

// dial makes a new connection the current one. ctx only bounds the dialling. life is held.
func (s *session) dial(ctx context.Context) error {
	if s.device.Deleted {
		return newError(codeDeviceNotFound, "the device was unlinked: close the session and open a new one")
	}
	conn := &connection{qr: newQRRotation()}
	conn.ctx, conn.cancel = context.WithCancel(s.ctx)
	s.mu.Lock()
	previous := s.conn
	s.conn = conn
	s.mu.Unlock()
	if previous != nil {
		previous.end()
		previous.cancel()
	}
	// The context given to whatsmeow lives as long as the connection, so
	// giving up while dialling is done by cancelling all of it.
	stop := context.AfterFunc(ctx, conn.cancel)
	timer := time.AfterFunc(dialTimeout, conn.cancel)
	err := s.client.ConnectContext(conn.ctx)
	timer.Stop()
	stop()
	if err == nil {
		err = conn.ctx.Err()
	}
	if err != nil {
		conn.end()
		conn.cancel()
		s.client.Disconnect()
		return err
	}
	if !s.linkedJID().IsEmpty() {
		time.AfterFunc(loginTimeout, func() {
			if !conn.ready.Load() {
				s.drop(conn, "closed", "WhatsApp did not complete the login")
			}
		})
	}
	return nil
}

// drop ends a connection that is of no use any more and tells Prosa.
func (s *session) drop(conn *connection, reason, detail string) {
	if !conn.end() {
		return
	}
	conn.cancel() // first: a polite close would wait for an answer that may never come
	s.client.Disconnect()
	s.emit("disconnected", disconnectedData{reason, detail})
}

// hangUp ends the current connection without an event. life is held.
func (s *session) hangUp() {
	conn := s.current()
	conn.end()
	s.client.Disconnect()
	if conn != nil {
		conn.cancel()
	}
}

// relogin makes the second connection that WhatsApp asks for after pairing
// (stream error 515). Prosa sees no `disconnected` unless it fails.
func (s *session) relogin(first *connection) {
	if first == nil || !first.again.CompareAndSwap(false, true) {
		return
	}
	s.life.Lock()
	defer s.life.Unlock()
	if s.closed || !first.end() {
		return
	}
	var err error
	for try := range reloginTries {
		s.client.Disconnect()
		if err = s.dial(s.ctx); err == nil || s.ctx.Err() != nil {
			return
		}
		s.log.Warn("cannot connect again", "try", try+1, "error", scrub(err.Error()))
		select {
		case <-time.After(time.Second):
		case <-s.ctx.Done():
			return
		}
	}
	s.emit("disconnected", disconnectedData{"closed", scrub(err.Error())})
}

func (b *bridge) disconnect(_ context.Context, s *session, _ json.RawMessage) (any, error) {
	s.life.Lock()
	defer s.life.Unlock()
	s.hangUp()
	return empty{}, nil
}

type logoutResult struct {
	Remote bool `json:"remote"`
}

func (b *bridge) logout(ctx context.Context, s *session, _ json.RawMessage) (any, error) {
	s.life.Lock()
	defer s.life.Unlock()
	s.current().end() // the `logged_out` that WhatsApp sends now is no news
	remote := false
	if s.requireOnline() == nil {
		bounded, cancel := context.WithTimeout(ctx, logoutTimeout)
		err := s.client.Logout(bounded)
		cancel()
		if remote = err == nil; !remote {
			s.log.Warn("WhatsApp did not unlink the device", "error", scrub(err.Error()))
		}
	}
	s.hangUp()
	if !s.linkedJID().IsEmpty() && !remote {
		if err := s.device.Delete(ctx); err != nil && !errors.Is(err, store.ErrDeviceDeleted) {
			return nil, newError(codeStore, "delete the device: %s", scrub(err.Error()))
		}
	}
	s.setJID(types.EmptyJID)
	return logoutResult{remote}, nil
}

func (b *bridge) closeSession(_ context.Context, s *session, _ json.RawMessage) (any, error) {
	s.shut()
	b.remove(s)
	return empty{}, nil
}

// shut disconnects for good. Events that wait for an ack fail.
func (s *session) shut() {
	s.life.Lock()
	defer s.life.Unlock()
	s.closed = true
	s.hangUp()
	s.cancel()
}
