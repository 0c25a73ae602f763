// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/store"
)

// memorySessions is a store of sessions without any lock of its own.
type memorySessions struct {
	store.NoopStore
	mu       sync.Mutex
	sessions map[string]byte
}

func (m *memorySessions) get(address string) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return []byte{m.sessions[address]}
}

func (m *memorySessions) GetSession(_ context.Context, address string) ([]byte, error) {
	return m.get(address), nil
}

func (m *memorySessions) GetManySessions(_ context.Context, addresses []string) (map[string][]byte, error) {
	found := make(map[string][]byte)
	for _, address := range addresses {
		found[address] = m.get(address)
	}
	return found, nil
}

func (m *memorySessions) PutSession(_ context.Context, address string, session []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sessions[address] = session[0]
	return nil
}

func (m *memorySessions) PutManySessions(ctx context.Context, sessions map[string][]byte) error {
	for address, session := range sessions {
		_ = m.PutSession(ctx, address, session)
	}
	return nil
}

func (m *memorySessions) DeleteSession(context.Context, string) error { return nil }

func (m *memorySessions) DoDecryptionTxn(ctx context.Context, run func(context.Context) error) error {
	return run(ctx)
}

func newTestGuard() (*sessionGuard, *memorySessions) {
	memory := &memorySessions{sessions: make(map[string]byte)}
	return newSessionGuard(memory, memory, func(error) {}), memory
}

// Each step of a ratchet reads a session and writes it one further; none may be lost.
func TestNoStepOfASessionIsLost(t *testing.T) {
	guard, memory := newTestGuard()
	device := &store.Device{Sessions: guard, EventBuffer: guard}
	const each = 60
	steps := map[string]func(context.Context) error{
		"send": func(ctx context.Context) error {
			ctx, end := withSend(ctx, device)
			defer end()
			sessions, err := guard.GetManySessions(ctx, []string{"a"})
			if err != nil {
				return err
			}
			time.Sleep(100 * time.Microsecond)
			sessions["a"][0]++
			return guard.PutManySessions(ctx, sessions)
		},
		"decrypt": func(ctx context.Context) error {
			return guard.DoDecryptionTxn(ctx, func(ctx context.Context) error {
				session, err := guard.GetSession(ctx, "a")
				if err != nil {
					return err
				}
				time.Sleep(100 * time.Microsecond)
				session[0]++
				return guard.PutSession(ctx, "a", session)
			})
		},
		"retry": func(ctx context.Context) error {
			session, err := guard.GetSession(ctx, "a")
			if err != nil {
				return err
			}
			session[0]++
			return guard.PutSession(ctx, "a", session)
		},
	}
	var group sync.WaitGroup
	var failed atomic.Value
	for name, step := range steps {
		group.Go(func() {
			for range each {
				if err := step(context.Background()); err != nil {
					failed.Store(name + ": " + err.Error())
				}
			}
		})
	}
	group.Wait()
	if failed.Load() != nil || int(memory.sessions["a"]) != len(steps)*each {
		t.Fatalf("%d steps of %d, %v", memory.sessions["a"], len(steps)*each, failed.Load())
	}
}

func TestAFailedSendGivesTheLockBack(t *testing.T) {
	guard, _ := newTestGuard()
	device := &store.Device{Sessions: guard, EventBuffer: guard}
	ctx, end := withSend(t.Context(), device)
	if _, err := guard.GetManySessions(ctx, []string{"a"}); err != nil {
		t.Fatal(err)
	}
	other, endOther := withSend(t.Context(), device)
	endOther() // the end of another send changes nothing
	brief, cancel := context.WithTimeout(other, briefly)
	defer cancel()
	if _, err := guard.GetManySessions(brief, []string{"a"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("two sends at once: %v", err)
	}
	end()
	if _, err := guard.GetManySessions(other, []string{"a"}); err != nil {
		t.Fatal(err)
	}
}

func TestASendWhoseLeaseRanOutWritesNothing(t *testing.T) {
	guard, memory := newTestGuard()
	device := &store.Device{Sessions: guard, EventBuffer: guard}
	ctx, end := withSend(t.Context(), device)
	defer end()
	if err := guard.hold(ctx, ctx.Value(sendKey{}).(*sendToken), time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if err := guard.acquire(t.Context()); err != nil { // comes free by itself
		t.Fatal(err)
	}
	err := guard.PutManySessions(ctx, map[string][]byte{"a": {9}})
	if !errors.Is(err, errSessionsMoved) || memory.sessions["a"] != 0 {
		t.Fatalf("got %v, %v", err, memory.sessions)
	}
}

func TestAnEncryptionThatFailsHoldsTheLockOnlyBriefly(t *testing.T) {
	guard, _ := newTestGuard()
	if _, err := guard.GetSession(t.Context(), "a"); err != nil { // and no PutSession
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), leaseLoose+patience)
	defer cancel()
	if err := guard.DoDecryptionTxn(ctx, func(context.Context) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := guard.GetSession(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if err := guard.DeleteSession(t.Context(), "a"); err != nil { // an unusable session is deleted: free at once
		t.Fatal(err)
	}
	if err := guard.acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestEveryLinkedDeviceIsGuarded(t *testing.T) {
	b, _ := newTestBridge(t)
	paired := b.store.newDevice()
	newSession(b, "paired", paired, "Prosa")
	saveAsLinked(t, paired, ownJID, ownLID)
	loaded, err := b.store.device(t.Context(), ownJID)
	if err != nil {
		t.Fatal(err)
	}
	newSession(b, "loaded", loaded, "Prosa")
	for name, device := range map[string]*store.Device{"paired": paired, "loaded": loaded} {
		guard, ok := device.Sessions.(*sessionGuard)
		if !ok || device.EventBuffer != store.EventBuffer(guard) {
			t.Errorf("%s: %T, %T", name, device.Sessions, device.EventBuffer)
		} else if _, twice := guard.SessionStore.(*sessionGuard); twice {
			t.Errorf("%s: guarded twice", name)
		}
	}
}
