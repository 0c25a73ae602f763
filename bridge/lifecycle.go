// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
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
	conn := newConnection(s.ctx, s.bridge.acks)
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
	conn.up.Store(true)
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
	if conn.end() {
		conn.cancel()
		s.dropEnded(reason, detail)
	}
}

// dropEnded does so with a connection that has ended and is cancelled: a polite
// close would wait for an answer that may never come.
func (s *session) dropEnded(reason, detail string) {
	s.client.Disconnect()
	s.emit("disconnected", disconnectedData{reason, detail})
}

// stopDialling makes a connect or relogin that is under way fail, so that what waits for life gets it.
func (s *session) stopDialling() {
	if conn := s.current(); conn != nil && !conn.up.Load() {
		conn.cancel()
	}
}

// storeFailed ends the connection on which a message could not be decrypted for the
// store's sake: at once, or the next message of the chat could be stored before it.
func (s *session) storeFailed(cause error) {
	s.log.Error("the credentials store failed", "error", scrub(cause.Error()))
	if conn := s.current(); conn.end() {
		conn.cancel()
		go s.dropEnded("closed", "the credentials store failed")
	}
}

// hangUp ends the current connection without an event. Nothing that Prosa would
// have to store is told of it any more. life is held.
func (s *session) hangUp() {
	conn := s.current()
	conn.end()
	s.client.Disconnect()
	if conn != nil {
		conn.cancel()
		conn.silence()
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
	s.stopDialling()
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
	online := s.requireOnline() == nil
	s.current().end() // the `logged_out` that WhatsApp sends now is no news
	remote := false
	if online {
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
	s.stopDialling()
	s.life.Lock()
	defer s.life.Unlock()
	s.closed = true
	s.hangUp()
	s.cancel()
}
