// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
)

// whatsmeow handles a session's stanzas one after another, so a message whose
// handler waits for Prosa holds up all that come after it, of other contacts
// too. People's messages are therefore told alongside each other: the handler
// says "not stored", and what whatsmeow does after "stored" (message.go:
// decryptMessages), to let go of the buffered plaintext and to send the receipt,
// is done here once Prosa has stored the message. Until then WhatsApp delivers
// it again on the next connect, and the plaintext is there to be read again.

// plaintextOf finds where the plaintext of a message is buffered; false where
// that is not known, or where the stanza may have more than this message in it.
func (s *session) plaintextOf(event *events.Message) (bufferedPlaintext, bool) {
	guard, guarded := s.device.EventBuffer.(*sessionGuard)
	if !guarded {
		return bufferedPlaintext{}, false
	}
	read := guard.lastRead()
	return bufferedPlaintext{guard.EventBuffer, read.hash}, isFromPerson(&event.Info) && read.holds(event.RawMessage)
}

// isFromPerson says whether a message is a person's, to this account alone: a
// stanza with one encrypted part, whose sender is where its receipt goes.
func isFromPerson(info *types.MessageInfo) bool {
	return !info.IsGroup && !info.IsFromMe && info.Category != "peer" && info.Sender.Device != hostedDevice &&
		isPerson(info.Sender)
}

// receiptedStanza is the stanza of a person's message, as far as its receipt says
// what it answers (receipt.go: buildBaseReceipt).
func receiptedStanza(info *types.MessageInfo) *waBinary.Node {
	return &waBinary.Node{Attrs: waBinary.Attrs{"from": info.Sender}}
}

// hostedDevice is the device number of accounts hosted by Meta, whose messages
// come from servers of their own that whatsmeow renames (message.go: parseMessageSource).
const hostedDevice = 99

// deliverAlongside tells Prosa of a message. Once Prosa has stored it, WhatsApp is
// told, and the plaintext is let go. It waits only while too many are without an
// answer; then what comes after waits behind it, though whatsmeow goes on with the
// next stanza after five minutes (client.go: handlerQueueLoop).
func (s *session) deliverAlongside(conn *connection, event *events.Message, read bufferedPlaintext, data messageData) {
	info := event.Info
	stored := func(ctx context.Context) {
		s.receipt(ctx, &info)
		s.bridge.plaintexts.put(read)
	}
	s.events.Lock()
	defer s.events.Unlock()
	s.await(conn, conn.messages, stored, func(seq uint64) {
		if !s.send("message", seq, data) {
			s.bridge.acks.resolve(seq, false)
		}
	})
}
