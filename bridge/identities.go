// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"sync"

	"go.mau.fi/whatsmeow/store"
)

// rememberedIdentities bounds the memory of a device; what is forgotten is asked of the store again.
const rememberedIdentities = 4096

// identityMemory is whatsmeow's store of contacts' identity keys, with a memory
// of those that are in it. libsignal looks a key up and writes it again for every
// message in and out: of some fourteen statements that a message and its answer
// cost, four said what was known, and one of these was a transaction of its own.
//
// It may remember because a device is in one process only, and it says nothing
// but that a key is the one stored: all else is asked of the store.
type identityMemory struct {
	store.IdentityStore

	mu    sync.Mutex
	known map[string][32]byte
}

func newIdentityMemory(under store.IdentityStore) *identityMemory {
	return &identityMemory{IdentityStore: under, known: make(map[string][32]byte)}
}

func (m *identityMemory) has(address string, key [32]byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	known, found := m.known[address]
	return found && known == key
}

// IsTrustedIdentity says whether a key is the stored one, or the first of its address.
func (m *identityMemory) IsTrustedIdentity(ctx context.Context, address string, key [32]byte) (bool, error) {
	if m.has(address, key) {
		return true, nil
	}
	return m.IdentityStore.IsTrustedIdentity(ctx, address, key)
}

// PutIdentity writes a key that is not known to be stored.
func (m *identityMemory) PutIdentity(ctx context.Context, address string, key [32]byte) error {
	if m.has(address, key) {
		return nil
	}
	if err := m.IdentityStore.PutIdentity(ctx, address, key); err != nil {
		return err
	}
	if ctx.Value(insideDecryption{}) != nil {
		return nil // part of a transaction that may still come to nothing
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.known) >= rememberedIdentities {
		clear(m.known)
	}
	m.known[address] = key
	return nil
}

// DeleteAllIdentities forgets the keys of a contact's devices.
func (m *identityMemory) DeleteAllIdentities(ctx context.Context, phone string) error {
	defer m.forget()
	return m.IdentityStore.DeleteAllIdentities(ctx, phone)
}

// DeleteIdentity forgets a key.
func (m *identityMemory) DeleteIdentity(ctx context.Context, address string) error {
	defer m.forget()
	return m.IdentityStore.DeleteIdentity(ctx, address)
}

// forget empties the memory: keys were deleted or moved, which is rare.
func (m *identityMemory) forget() {
	m.mu.Lock()
	clear(m.known)
	m.mu.Unlock()
}
