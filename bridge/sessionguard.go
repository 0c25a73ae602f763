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

// storeProbe is how long the store may take to show that it works.
const storeProbe = 5 * time.Second

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

	identities *identityMemory // those beside the sessions; nil in tests

	failed func(error)   // told when the store failed a decryption
	free   chan struct{} // holds one token while nobody has the lock

	mu     sync.Mutex
	holder *lease
	read   readPlaintext // of the last decryption, until its message asks for it
}

// lease is one holding of the lock.
type lease struct {
	send  *sendToken // nil: a single encryption
	timer *time.Timer
}

// guardDevice puts the guard around a device's stores: now if it is linked, else when it is paired.
// failed is told when the store failed a decryption.
func guardDevice(device *store.Device, failed func(error)) {
	if device.ID == nil {
		device.Container = guardedContainer{device.Container, failed}
		return
	}
	guard := newSessionGuard(device.Sessions, device.EventBuffer, failed)
	guard.identities = newIdentityMemory(device.Identities)
	device.Sessions = guard
	device.EventBuffer = guard
	device.Identities = guard.identities
}

// guardedContainer guards the sessions of a device from the moment it is paired.
type guardedContainer struct {
	store.DeviceContainer
	failed func(error)
}

// PutDevice saves a device; the container underneath also gives it its stores.
func (c guardedContainer) PutDevice(ctx context.Context, device *store.Device) error {
	err := c.DeviceContainer.PutDevice(ctx, device)
	if device.Sessions != nil {
		guardDevice(device, c.failed)
	}
	return err
}

func newSessionGuard(sessions store.SessionStore, buffer store.EventBuffer, failed func(error)) *sessionGuard {
	guard := &sessionGuard{SessionStore: sessions, EventBuffer: buffer, failed: failed, free: make(chan struct{}, 1)}
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
	err := g.EventBuffer.DoDecryptionTxn(context.WithValue(ctx, insideDecryption{}, true), decrypt)
	if err != nil && ctx.Err() == nil && (isStoreError(err) || !g.answers(ctx)) {
		return g.fail(err)
	}
	return err
}

// GetBufferedEvent finds the plaintext of a ciphertext seen before. All its errors are the store's.
func (g *sessionGuard) GetBufferedEvent(ctx context.Context, hash [32]byte) (*store.BufferedEvent, error) {
	event, err := g.EventBuffer.GetBufferedEvent(ctx, hash)
	switch {
	case err != nil && ctx.Err() == nil:
		err = g.fail(err)
	case err == nil && event != nil:
		g.note(hash, event.Plaintext)
	}
	return event, err
}

// storeFailure is a decryption that failed for the store's sake. whatsmeow takes
// every failed decryption for a damaged message: it acknowledges it and asks the
// sender again, a few times at most, so that all that comes while a database is
// away would be lost. A cancelled decryption it leaves unacknowledged
// (message.go: decryptMessages), so that is what this looks like; the session is
// disconnected, and WhatsApp delivers the message again on the next connect.
type storeFailure struct{ cause error }

func (f storeFailure) Error() string        { return "the credentials store failed: " + f.cause.Error() }
func (f storeFailure) Unwrap() error        { return f.cause }
func (f storeFailure) Is(target error) bool { return target == context.Canceled }

func (g *sessionGuard) fail(cause error) error {
	g.failed(cause)
	return storeFailure{cause}
}

// answers asks the store for something, as libsignal does not pass all errors of the store on as they are.
func (g *sessionGuard) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, storeProbe)
	defer cancel()
	_, err := g.SessionStore.HasSession(ctx, "")
	return err == nil
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
	if g.identities != nil {
		defer g.identities.forget() // they move along
	}
	return g.SessionStore.MigratePNToLID(ctx, pn, lid)
}
