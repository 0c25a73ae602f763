// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"sync"
	"time"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
)

// Every message that Prosa sends comes back as one or two receipts, which nobody
// waits for. So they do not hold up the session's next stanza, and are told in
// one frame with those of other sessions. Each is acknowledged to WhatsApp once
// Prosa has stored it, as everything is.
const (
	// receiptsWait is how long a receipt may wait for others.
	receiptsWait = 25 * time.Millisecond
	// receiptsAtOnce are told without waiting any longer.
	receiptsAtOnce = 64
)

// receiptItem is one of the `receipts` of docs/bridge-protocol.md.
type receiptItem struct {
	Session string `json:"session"`
	Seq     uint64 `json:"seq"`
	receiptData
}

type receiptsData struct {
	Receipts []receiptItem `json:"receipts"`
}

// receiptBox gathers the receipts of all sessions for a moment.
type receiptBox struct {
	send func(value any) error
	acks *ackTable

	mu      sync.Mutex
	waiting []receiptItem
	timer   *time.Timer // nil: nothing waits
}

// put tells Prosa of a receipt within receiptsWait.
func (b *receiptBox) put(item receiptItem) {
	b.mu.Lock()
	b.waiting = append(b.waiting, item)
	full := len(b.waiting) >= receiptsAtOnce
	if !full && b.timer == nil {
		b.timer = time.AfterFunc(receiptsWait, b.flush)
	}
	b.mu.Unlock()
	if full {
		b.flush()
	}
}

func (b *receiptBox) flush() {
	b.mu.Lock()
	items := b.waiting
	b.waiting = nil
	if b.timer != nil {
		b.timer.Stop()
		b.timer = nil
	}
	b.mu.Unlock()
	if len(items) > 0 {
		b.tell(items)
	}
}

// tell sends receipts, in halves where they are too large for a frame. One that is
// too large by itself is not told: WhatsApp delivers it again, as it does all of
// them when the stream is closed, with which the process ends.
func (b *receiptBox) tell(items []receiptItem) {
	err := b.send(eventFrame{Event: "receipts", Data: receiptsData{items}})
	switch half := len(items) / 2; {
	case err == nil || errors.Is(err, errStreamClosed):
	case half > 0:
		b.tell(items[:half])
		b.tell(items[half:])
	default:
		b.acks.resolve(items[0].Seq, false)
	}
}

// canWait says whether a receipt tells how far a message of ours to a person is.
// Its stanza then has nothing that its event has not, so that it can be
// acknowledged later. Those of groups may be several events of one stanza.
func canWait(event *events.Receipt) bool {
	switch event.Type {
	case types.ReceiptTypeDelivered, types.ReceiptTypeInactive, types.ReceiptTypeRead, types.ReceiptTypePlayed:
	default:
		return false
	}
	server := event.Chat.Server
	return !event.IsGroup && !event.IsFromMe && event.MessageSender.IsEmpty() && len(event.MessageIDs) > 0 &&
		(server == types.DefaultUserServer || server == types.HiddenUserServer)
}

// deliverLater tells Prosa of a receipt, and WhatsApp that it was received once
// Prosa has stored it. It waits only while too many are without an answer.
func (s *session) deliverLater(conn *connection, event *events.Receipt, data receiptData) {
	stanza := &waBinary.Node{Tag: "receipt", Attrs: waBinary.Attrs{"id": event.MessageIDs[0], "from": event.Sender}}
	if event.Type != types.ReceiptTypeDelivered {
		stanza.Attrs["type"] = string(event.Type)
	}
	stored := func(ctx context.Context) { s.acknowledge(ctx, stanza) }
	s.await(conn, conn.unanswered(s.bridge.acks).receipts, stored, func(seq uint64) {
		s.bridge.receipts.put(receiptItem{s.name, seq, data})
	})
}
