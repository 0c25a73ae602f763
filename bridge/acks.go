// SPDX-License-Identifier: GPL-3.0-or-later

package main

import "sync"

// ackTable holds the events that wait for Prosa to say whether it stored them.
// Sequence numbers are unique in the whole process, as an ack names no session.
type ackTable struct {
	mu      sync.Mutex
	next    uint64
	waiting map[uint64]chan bool
}

func newAckTable() *ackTable {
	return &ackTable{waiting: make(map[uint64]chan bool)}
}

// open returns the number of a new event and the channel of its answer.
func (t *ackTable) open() (uint64, <-chan bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next++
	answer := make(chan bool, 1)
	t.waiting[t.next] = answer
	return t.next, answer
}

// resolve passes on Prosa's answer. An unknown or late number is ignored.
func (t *ackTable) resolve(seq uint64, ok bool) {
	t.mu.Lock()
	answer, found := t.waiting[seq]
	delete(t.waiting, seq)
	t.mu.Unlock()
	if found {
		answer <- ok
	}
}

// drop forgets an event whose answer is no longer awaited.
func (t *ackTable) drop(seq uint64) {
	t.mu.Lock()
	delete(t.waiting, seq)
	t.mu.Unlock()
}
