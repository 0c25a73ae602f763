// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"sync"
	"time"
)

// gathering passes items on together: some time after the first of them came, or
// at once when there are so many.
type gathering[T any] struct {
	wait   time.Duration
	atOnce int
	pass   func(items []T) // gets at least one; may run several times at once

	mu      sync.Mutex
	waiting []T
	timer   *time.Timer // nil: nothing waits
}

// put takes an item.
func (g *gathering[T]) put(item T) {
	g.mu.Lock()
	g.waiting = append(g.waiting, item)
	full := len(g.waiting) >= g.atOnce
	if !full && g.timer == nil {
		g.timer = time.AfterFunc(g.wait, g.flush)
	}
	g.mu.Unlock()
	if full {
		g.flush()
	}
}

// flush passes on what waits.
func (g *gathering[T]) flush() {
	g.mu.Lock()
	items := g.waiting
	g.waiting = nil
	if g.timer != nil {
		g.timer.Stop()
		g.timer = nil
	}
	g.mu.Unlock()
	if len(items) > 0 {
		g.pass(items)
	}
}
