// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
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
	gathering[receiptItem]

	send func(value any) error
	acks *ackTable
}

func newReceiptBox(send func(value any) error, acks *ackTable) *receiptBox {
	b := &receiptBox{send: send, acks: acks}
	b.wait, b.atOnce, b.pass = receiptsWait, receiptsAtOnce, b.tell
	return b
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
	return !event.IsGroup && !event.IsFromMe && event.MessageSender.IsEmpty() && len(event.MessageIDs) > 0 &&
		isPerson(event.Chat)
}

// isPerson says whether a JID is a person's, by phone number or LID.
func isPerson(jid types.JID) bool {
	return jid.Server == types.DefaultUserServer || jid.Server == types.HiddenUserServer
}

// deliverLater tells Prosa of a receipt, and WhatsApp that it was received once
// Prosa has stored it. It waits only while too many are without an answer.
func (s *session) deliverLater(conn *connection, event *events.Receipt, data receiptData) {
	stanza := &waBinary.Node{Tag: "receipt", Attrs: waBinary.Attrs{"id": event.MessageIDs[0], "from": event.Sender}}
	if event.Type != types.ReceiptTypeDelivered {
		stanza.Attrs["type"] = string(event.Type)
	}
	stored := func(ctx context.Context) { s.acknowledge(ctx, stanza) }
	s.await(conn, conn.receipts, stored, func(seq uint64) {
		s.bridge.receipts.put(receiptItem{s.name, seq, data})
	})
}
