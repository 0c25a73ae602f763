// SPDX-License-Identifier: GPL-3.0-or-later

package main

import "sync"

// ackTable holds the events that wait for Prosa to say whether it stored them.
// Sequence numbers are unique in the whole process, as an ack names no session.
type ackTable struct {
	mu      sync.Mutex
	next    uint64
	waiting map[uint64]awaitedAck
}

// awaitedAck is an event that waits.
type awaitedAck struct {
	conn *connection
	told func(stored bool)
}

func newAckTable() *ackTable {
	return &ackTable{waiting: make(map[uint64]awaitedAck)}
}

// open returns the number of a new event of a connection. told gets the answer,
// at most once, and must not block.
func (t *ackTable) open(conn *connection, told func(stored bool)) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next++
	t.waiting[t.next] = awaitedAck{conn, told}
	return t.next
}

// resolve passes on Prosa's answer. An unknown or late number is ignored.
func (t *ackTable) resolve(seq uint64, ok bool) {
	t.mu.Lock()
	awaited, found := t.waiting[seq]
	delete(t.waiting, seq)
	t.mu.Unlock()
	if found {
		awaited.told(ok)
	}
}

// drop forgets an event whose answer is no longer awaited.
func (t *ackTable) drop(seq uint64) {
	t.mu.Lock()
	delete(t.waiting, seq)
	t.mu.Unlock()
}

// dropAll forgets the events of a connection that is over.
func (t *ackTable) dropAll(conn *connection) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for seq, awaited := range t.waiting {
		if awaited.conn == conn {
			delete(t.waiting, seq)
		}
	}
}
