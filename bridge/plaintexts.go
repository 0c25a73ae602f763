// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"log/slog"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/store"
	"google.golang.org/protobuf/proto"
)

const (
	// plaintextsWait is how long the plaintext of a stored message may stay in the
	// store, so that those of many messages leave it in one transaction.
	plaintextsWait = 500 * time.Millisecond
	// plaintextsAtOnce leave it without waiting any longer.
	plaintextsAtOnce = 64
	// oldHashesEvery is how often the store is asked to forget which ciphertexts
	// it has seen, as whatsmeow asks it (message.go: decryptMessages).
	oldHashesEvery = 12 * time.Hour
)

// bufferedPlaintext is where a store keeps the plaintext of a message.
type bufferedPlaintext struct {
	buffer store.EventBuffer
	hash   [32]byte
}

// readPlaintext is the plaintext that a decryption read last, padded as it was.
type readPlaintext struct {
	hash      [32]byte
	plaintext []byte
}

// holds says whether a message is what was read. whatsmeow does not tell which
// ciphertext an event came from, and two connections' stanzas may be handled at
// the same time.
func (r readPlaintext) holds(message *waE2E.Message) bool {
	size := len(r.plaintext)
	if size == 0 {
		return false
	}
	var again waE2E.Message
	unpadded := size - int(r.plaintext[size-1]) // message.go: unpadMessage
	return unpadded >= 0 && proto.Unmarshal(r.plaintext[:unpadded], &again) == nil && proto.Equal(&again, message)
}

// lastRead returns the plaintext read last, once.
func (g *sessionGuard) lastRead() readPlaintext {
	g.mu.Lock()
	defer g.mu.Unlock()
	read := g.read
	g.read = readPlaintext{}
	return read
}

// note remembers the plaintext read last.
func (g *sessionGuard) note(hash [32]byte, plaintext []byte) {
	g.mu.Lock()
	g.read = readPlaintext{hash, plaintext}
	g.mu.Unlock()
}

// PutBufferedEvent keeps a plaintext until its message is stored.
func (g *sessionGuard) PutBufferedEvent(ctx context.Context, hash [32]byte, plaintext []byte, at time.Time) error {
	err := g.EventBuffer.PutBufferedEvent(ctx, hash, plaintext, at)
	if err == nil {
		g.note(hash, plaintext)
	}
	return err
}

// plaintextBox gathers plaintexts of stored messages, of all sessions of one
// store, and has the store let go of them. One that stays, because the process
// ended or the store failed, is harmless: its message counts as received, and
// Prosa knows one that comes twice. The store forgets it after 14 days.
type plaintextBox struct {
	gathering[bufferedPlaintext]

	log   *slog.Logger
	asked time.Time // when the store was asked last to forget what it saw; guarded by mu
}

func newPlaintextBox(log *slog.Logger) *plaintextBox {
	b := &plaintextBox{log: log}
	b.wait, b.atOnce, b.pass = plaintextsWait, plaintextsAtOnce, b.letGo
	return b
}

// letGo has the store let go of plaintexts.
func (b *plaintextBox) letGo(read []bufferedPlaintext) {
	b.mu.Lock()
	old := time.Since(b.asked) > oldHashesEvery
	if old {
		b.asked = time.Now()
	}
	b.mu.Unlock()
	ctx := context.Background()
	err := read[0].buffer.DoDecryptionTxn(ctx, func(ctx context.Context) error { // whatsmeow's transaction of this store
		for _, one := range read {
			if err := one.buffer.ClearBufferedEventPlaintext(ctx, one.hash); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && old {
		err = read[0].buffer.DeleteOldBufferedHashes(ctx)
	}
	if err != nil {
		b.log.Warn("plaintexts of stored messages stay in the store", "count", len(read), "error", scrub(err.Error()))
	}
}
