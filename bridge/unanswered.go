// SPDX-License-Identifier: GPL-3.0-or-later

package main

import "context"

// Receipts and people's messages wait for Prosa's answer without holding up the
// session's next stanza. So many of each, of one connection, may be without an
// answer; then its stanzas wait.
const (
	receiptsUnanswered = 64
	messagesUnanswered = 64
)

// tell has an event numbered and sent, unless the connection is over.
func (c *connection) tell(send func()) {
	c.telling.Lock()
	defer c.telling.Unlock()
	if c.ctx.Err() == nil {
		send()
	}
}

// silence returns once nothing more is told of a connection whose context has
// ended: whatsmeow may still be handling a stanza of it.
func (c *connection) silence() {
	c.tell(func() {})
}

// await takes a place for an event, and has it sent with its number. Once Prosa
// has stored the event, stored is called, on a goroutine of its own as the socket
// may be slow. It waits for a place; nothing is sent when the connection or the
// stream ends first.
func (s *session) await(conn *connection, places chan struct{}, stored func(ctx context.Context), send func(seq uint64)) {
	select {
	case places <- struct{}{}:
	case <-conn.ctx.Done():
		return
	case <-s.bridge.stream.done:
		return
	}
	conn.tell(func() {
		send(s.bridge.acks.open(conn, func(ok bool) {
			<-places
			if ok && conn.ctx.Err() == nil {
				go stored(conn.ctx)
			}
		}))
	})
}
