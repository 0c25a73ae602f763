// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

// A Signal session is one record that both encryption and decryption read,
// change and write back. whatsmeow does not lock it: a message that arrives
// from a contact while another is being encrypted for them can undo the
// sender's step of the ratchet, and the next message, with a counter already
// used, is dropped by the recipient without a word
// (github.com/tulir/whatsmeow/issues/1095, unmerged pull request 1168).
// sessionGuard is whatsmeow's store with that lock: one per device.

// leaseLoose is how long a lone read of a session may hold the lock until its write.
const leaseLoose = time.Second

// leaseSend is how long a send may hold the lock between reading its recipients'
// sessions and writing them; it may have to fetch prekeys from WhatsApp between.
const leaseSend = 10 * time.Second

// errSessionsMoved fails a send, before anything went out, when its lease ran
// out while it encrypted. The same send can simply be made again.
var errSessionsMoved = errors.New("the Signal sessions changed while the message was encrypted")

type (
	insideDecryption struct{} // context key: the lock is held by the caller's transaction
	sendKey          struct{} // context key: which send this is, a *sendToken
	sendToken        struct{ _ byte }
)

// withSend marks the context of one SendMessage; end gives the lock back when
// that send failed between reading and writing sessions.
func withSend(ctx context.Context, device *store.Device) (marked context.Context, end func()) {
	token := new(sendToken)
	return context.WithValue(ctx, sendKey{}, token), func() {
		if guard, ok := device.Sessions.(*sessionGuard); ok {
			guard.release(func(held *lease) bool { return held.send == token })
		}
	}
}

// sessionGuard serialises every read-change-write of a device's Signal sessions:
//
//   - decryption: the whole of DoDecryptionTxn;
//   - a send: from GetManySessions to PutManySessions (or the end of withSend, when it fails between);
//   - single encryptions (answers to retry receipts, peer messages): from GetSession to PutSession.
//
// The lock is always taken before a database connection, never the other way round.
type sessionGuard struct {
	store.SessionStore
	store.EventBuffer

	free chan struct{} // holds one token while nobody has the lock

	mu     sync.Mutex
	holder *lease
}

// lease is one holding of the lock.
type lease struct {
	send  *sendToken // nil: a single encryption
	timer *time.Timer
}

// guardSessions puts the guard around a device's stores, once.
func guardSessions(device *store.Device) {
	if device.Sessions == nil || device.Deleted {
		return
	}
	if _, done := device.Sessions.(*sessionGuard); done {
		return
	}
	guard := newSessionGuard(device.Sessions, device.EventBuffer)
	device.Sessions = guard
	device.EventBuffer = guard
}

func newSessionGuard(sessions store.SessionStore, buffer store.EventBuffer) *sessionGuard {
	guard := &sessionGuard{SessionStore: sessions, EventBuffer: buffer, free: make(chan struct{}, 1)}
	guard.free <- struct{}{}
	return guard
}

func (g *sessionGuard) acquire(ctx context.Context) error {
	select {
	case <-g.free:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hold takes the lock until release, or until the time is over.
func (g *sessionGuard) hold(ctx context.Context, send *sendToken, limit time.Duration) error {
	if err := g.acquire(ctx); err != nil {
		return err
	}
	held := &lease{send: send}
	g.mu.Lock()
	g.holder = held
	held.timer = time.AfterFunc(limit, func() {
		g.release(func(current *lease) bool { return current == held })
	})
	g.mu.Unlock()
	return nil
}

// release gives the lock back if its holder is the expected one.
func (g *sessionGuard) release(expected func(*lease) bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.holder == nil || !expected(g.holder) {
		return false
	}
	g.holder.timer.Stop()
	g.holder = nil
	g.free <- struct{}{}
	return true
}

// DoDecryptionTxn decrypts with the lock held, until the transaction is committed.
func (g *sessionGuard) DoDecryptionTxn(ctx context.Context, decrypt func(context.Context) error) error {
	if err := g.acquire(ctx); err != nil {
		return err
	}
	defer func() { g.free <- struct{}{} }()
	return g.EventBuffer.DoDecryptionTxn(context.WithValue(ctx, insideDecryption{}, true), decrypt)
}

// GetManySessions begins a send's use of its recipients' sessions.
func (g *sessionGuard) GetManySessions(ctx context.Context, addresses []string) (map[string][]byte, error) {
	token, _ := ctx.Value(sendKey{}).(*sendToken)
	if token == nil {
		token = new(sendToken)
	}
	if err := g.hold(ctx, token, leaseSend); err != nil {
		return nil, err
	}
	return g.SessionStore.GetManySessions(ctx, addresses)
}

// PutManySessions ends it. errSessionsMoved: the lease had run out, nothing was written.
func (g *sessionGuard) PutManySessions(ctx context.Context, sessions map[string][]byte) error {
	token, _ := ctx.Value(sendKey{}).(*sendToken)
	g.mu.Lock()
	held := g.holder
	mine := held != nil && held.send != nil && (token == nil || held.send == token)
	valid := mine && held.timer.Stop() // from here on it cannot run out
	g.mu.Unlock()
	if !valid {
		return errSessionsMoved
	}
	defer g.release(func(current *lease) bool { return current == held })
	return g.SessionStore.PutManySessions(ctx, sessions)
}

// GetSession begins a single encryption, unless it is part of a decryption.
func (g *sessionGuard) GetSession(ctx context.Context, address string) ([]byte, error) {
	if ctx.Value(insideDecryption{}) == nil {
		if err := g.hold(ctx, nil, leaseLoose); err != nil {
			return nil, err
		}
	}
	return g.SessionStore.GetSession(ctx, address)
}

// PutSession ends it.
func (g *sessionGuard) PutSession(ctx context.Context, address string, session []byte) error {
	if ctx.Value(insideDecryption{}) == nil {
		defer g.release(func(held *lease) bool { return held.send == nil })
	}
	return g.SessionStore.PutSession(ctx, address, session)
}

// DeleteSession also ends a single encryption, whose session turned out to be unusable.
func (g *sessionGuard) DeleteSession(ctx context.Context, address string) error {
	if ctx.Value(insideDecryption{}) == nil {
		defer g.release(func(held *lease) bool { return held.send == nil })
	}
	return g.SessionStore.DeleteSession(ctx, address)
}

// MigratePNToLID moves sessions from a phone number to its LID, with the lock held.
func (g *sessionGuard) MigratePNToLID(ctx context.Context, pn, lid types.JID) error {
	if err := g.acquire(ctx); err != nil {
		return err
	}
	defer func() { g.free <- struct{}{} }()
	return g.SessionStore.MigratePNToLID(ctx, pn, lid)
}
