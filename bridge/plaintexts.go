// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"log/slog"
	"sync"
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

// lastRead returns where the plaintext of a message is buffered that was
// decrypted just now. whatsmeow does not tell which ciphertext an event came
// from, and two connections' stanzas may be handled at the same time, so the
// plaintext read last is compared with the message.
func (g *sessionGuard) lastRead(message *waE2E.Message) (bufferedPlaintext, bool) {
	g.mu.Lock()
	read := g.read
	g.read = readPlaintext{}
	g.mu.Unlock()
	size := len(read.plaintext)
	if size == 0 {
		return bufferedPlaintext{}, false
	}
	var again waE2E.Message
	unpadded := size - int(read.plaintext[size-1]) // message.go: unpadMessage
	if unpadded < 0 || proto.Unmarshal(read.plaintext[:unpadded], &again) != nil || !proto.Equal(&again, message) {
		return bufferedPlaintext{}, false
	}
	return bufferedPlaintext{g.EventBuffer, read.hash}, true
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
	log *slog.Logger

	mu      sync.Mutex
	waiting []bufferedPlaintext
	timer   *time.Timer // nil: nothing waits
	asked   time.Time   // when the store was asked last to forget what it saw
}

// letGo has the store let go of a plaintext within plaintextsWait.
func (b *plaintextBox) letGo(read bufferedPlaintext) {
	b.mu.Lock()
	b.waiting = append(b.waiting, read)
	full := len(b.waiting) >= plaintextsAtOnce
	if !full && b.timer == nil {
		b.timer = time.AfterFunc(plaintextsWait, b.flush)
	}
	b.mu.Unlock()
	if full {
		b.flush()
	}
}

// flush has it done now.
func (b *plaintextBox) flush() {
	b.mu.Lock()
	read := b.waiting
	b.waiting = nil
	if b.timer != nil {
		b.timer.Stop()
		b.timer = nil
	}
	old := len(read) > 0 && time.Since(b.asked) > oldHashesEvery
	if old {
		b.asked = time.Now()
	}
	b.mu.Unlock()
	if len(read) == 0 {
		return
	}
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
