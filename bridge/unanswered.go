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

// unanswered has a place for each event of a connection that may be without an answer.
type unanswered struct{ receipts, messages chan struct{} }

// unanswered returns the places; what is left without an answer ends with the connection.
func (c *connection) unanswered(acks *ackTable) unanswered {
	c.first.Do(func() {
		c.places = unanswered{make(chan struct{}, receiptsUnanswered), make(chan struct{}, messagesUnanswered)}
		context.AfterFunc(c.ctx, func() { acks.dropAll(c) })
	})
	return c.places
}

// await takes a place for an event and returns its number. Once Prosa has stored
// the event, stored is called, on a goroutine of its own as the socket may be
// slow. It waits for a place; false when the connection or the stream ends first.
func (s *session) await(conn *connection, places chan struct{}, stored func(ctx context.Context)) (seq uint64, open bool) {
	select {
	case places <- struct{}{}:
	case <-conn.ctx.Done():
		return 0, false
	case <-s.bridge.stream.done:
		return 0, false
	}
	return s.bridge.acks.open(conn, func(ok bool) {
		<-places
		if ok && conn.ctx.Err() == nil {
			go stored(conn.ctx)
		}
	}), true
}
