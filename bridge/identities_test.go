// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

// countedIdentities is a store of identity keys that counts what it is asked.
type countedIdentities struct {
	store.NoopStore
	keys    map[string][32]byte
	asked   int
	written int
	broken  error
}

func (c *countedIdentities) PutIdentity(_ context.Context, address string, key [32]byte) error {
	c.written++
	if c.broken == nil {
		c.keys[address] = key
	}
	return c.broken
}

func (c *countedIdentities) IsTrustedIdentity(_ context.Context, address string, key [32]byte) (bool, error) {
	c.asked++
	known, found := c.keys[address]
	return !found || known == key, c.broken
}

func (c *countedIdentities) DeleteAllIdentities(context.Context, string) error {
	clear(c.keys)
	return nil
}

func (c *countedIdentities) DeleteIdentity(_ context.Context, address string) error {
	delete(c.keys, address)
	return nil
}

func (c *countedIdentities) MigratePNToLID(context.Context, types.JID, types.JID) error { return nil }

func newTestIdentities() (*identityMemory, *countedIdentities) {
	under := &countedIdentities{keys: make(map[string][32]byte)}
	return newIdentityMemory(under), under
}

func (m *identityMemory) expect(t *testing.T, address string, key byte, trusted bool) {
	t.Helper()
	got, err := m.IsTrustedIdentity(context.Background(), address, [32]byte{key})
	if err != nil || got != trusted {
		t.Fatalf("key %d of %s: trusted %v, %v; want %v", key, address, got, err, trusted)
	}
}

func (m *identityMemory) put(t *testing.T, ctx context.Context, address string, key byte) {
	t.Helper()
	if err := m.PutIdentity(ctx, address, [32]byte{key}); err != nil {
		t.Fatal(err)
	}
}

func TestAKnownIdentityCostsNoStatement(t *testing.T) {
	memory, under := newTestIdentities()
	for range 5 {
		memory.expect(t, "a", 1, true)
		memory.put(t, context.Background(), "a", 1)
	}
	if under.asked != 1 || under.written != 1 {
		t.Fatalf("asked %d times, written %d times", under.asked, under.written)
	}
}

func TestAnotherIdentityIsNeverTakenForTheKnownOne(t *testing.T) {
	memory, under := newTestIdentities()
	memory.put(t, context.Background(), "a", 1)
	memory.expect(t, "a", 2, false)
	memory.expect(t, "b", 2, true) // the first of its address
	memory.put(t, context.Background(), "a", 2)
	memory.expect(t, "a", 2, true)
	memory.expect(t, "a", 1, false)
	if under.keys["a"] != [32]byte{2} {
		t.Fatal("the new key was not written")
	}
}

func TestDeletedAndMovedIdentitiesAreForgotten(t *testing.T) {
	ctx := context.Background()
	memory, under := newTestIdentities()
	guard := newSessionGuard(under, under, func(error) {})
	guard.identities = memory
	for name, change := range map[string]func() error{
		"all deleted": func() error { return memory.DeleteAllIdentities(ctx, "a") },
		"one deleted": func() error { return memory.DeleteIdentity(ctx, "a") },
		"moved": func() error {
			clear(under.keys)
			return guard.MigratePNToLID(ctx, types.EmptyJID, types.EmptyJID)
		},
	} {
		memory.put(t, ctx, "a", 1)
		if err := change(); err != nil {
			t.Fatal(err)
		}
		memory.put(t, ctx, "a", 1)
		if under.keys["a"] != [32]byte{1} {
			t.Fatalf("%s: the key was not written again", name)
		}
	}
}

func TestAnIdentityThatMayNotBeStoredIsNotRemembered(t *testing.T) {
	memory, under := newTestIdentities()
	// The transaction of a decryption may be rolled back.
	memory.put(t, context.WithValue(context.Background(), insideDecryption{}, true), "a", 1)
	clear(under.keys)
	memory.put(t, context.Background(), "a", 1)
	if under.keys["a"] != [32]byte{1} {
		t.Fatal("a key that was rolled back counts as stored")
	}
	under.broken = errors.New("the store is away")
	if memory.PutIdentity(context.Background(), "b", [32]byte{1}) == nil {
		t.Fatal("a failure was not told")
	}
	under.broken = nil
	memory.put(t, context.Background(), "b", 1)
	if under.keys["b"] != [32]byte{1} {
		t.Fatal("a key that could not be written counts as stored")
	}
}

func TestTheMemoryOfIdentitiesIsBounded(t *testing.T) {
	memory, _ := newTestIdentities()
	for n := range 2*rememberedIdentities + 1 {
		memory.put(t, context.Background(), fmt.Sprint(n), 1)
	}
	if len(memory.known) > rememberedIdentities {
		t.Fatalf("%d are remembered", len(memory.known))
	}
}
