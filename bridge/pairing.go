// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"
)

// How long a QR code is shown: the first of a full set of six for 60 seconds,
// all others for 20 (whatsmeow qrchan.go: emitQRs, as WhatsApp Web does).
const (
	fullQRSet   = 6
	qrFirstTime = 60 * time.Second
	qrTime      = 20 * time.Second
)

// qrWait is how long `pair_code` waits for the first QR code, which says that WhatsApp is ready to pair.
const qrWait = 20 * time.Second

// The browser that a pairing code is asked for as. WhatsApp checks the name and
// allows common browsers and systems only (whatsmeow pair-code.go: PairPhone).
const (
	pairClient     = whatsmeow.PairClientChrome
	pairClientName = "Chrome (Linux)"
)

// qrRotation shows the codes of one connection, one after the other.
//
// whatsmeow's own GetQRChannel is not used: it closes the socket when the codes
// are used up even in the middle of a passkey ceremony, and confirms that
// ceremony by itself.
type qrRotation struct {
	seen chan struct{} // closed with the first code
	stop chan struct{} // closed when no more codes are to be shown
	once sync.Once
	mu   sync.Mutex
	ends time.Time // when the last code expires
}

func newQRRotation() *qrRotation {
	return &qrRotation{seen: make(chan struct{}), stop: make(chan struct{})}
}

func (q *qrRotation) halt() { q.once.Do(func() { close(q.stop) }) }

// start takes over the codes; false if codes were shown before on this connection.
func (q *qrRotation) start(codes []string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.ends.IsZero() || len(codes) == 0 {
		return false
	}
	q.ends = time.Now()
	for left := len(codes); left > 0; left-- {
		q.ends = q.ends.Add(qrLifetime(left))
	}
	close(q.seen)
	return true
}

// left is the time until the last code expires.
func (q *qrRotation) left() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	return max(0, time.Until(q.ends))
}

// qrLifetime is how long the next code is shown when so many codes are left.
func qrLifetime(left int) time.Duration {
	if left == fullQRSet {
		return qrFirstTime
	}
	return qrTime
}

type qrData struct {
	Code        string `json:"code"`
	ExpiresInMS int64  `json:"expires_in_ms"`
}

// rotate shows codes until they are used up, the rotation is halted, or the connection ends.
func (s *session) rotate(conn *connection, codes []string) {
	if !conn.qr.start(codes) {
		return
	}
	for i, code := range codes {
		lifetime := qrLifetime(len(codes) - i)
		s.emit("qr", qrData{code, lifetime.Milliseconds()})
		select {
		case <-time.After(lifetime):
		case <-conn.qr.stop:
			return
		case <-conn.ctx.Done():
			return
		}
	}
	if conn.end() {
		s.client.Disconnect()
		conn.cancel()
		s.emit("qr_exhausted", empty{})
	}
}

type pairCodeParams struct {
	Phone            string `json:"phone"`
	PushNotification bool   `json:"push_notification"`
}

type pairCodeResult struct {
	Code        string `json:"code"`
	ExpiresInMS int64  `json:"expires_in_ms"`
}

func (b *bridge) pairCode(ctx context.Context, s *session, raw json.RawMessage) (any, error) {
	params, err := decode[pairCodeParams](raw)
	if err != nil {
		return nil, err
	}
	conn, err := s.requirePairing()
	if err != nil {
		return nil, err
	}
	select {
	case <-conn.qr.seen:
	case <-time.After(qrWait):
		return nil, newError(codeNotReady, "WhatsApp is not ready to pair")
	case <-conn.ctx.Done():
		return nil, newError(codeNotConnected, "the connection ended")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	code, err := s.client.PairPhone(ctx, params.Phone, params.PushNotification, pairClient, pairClientName)
	if err != nil {
		return nil, refusedAs(codePairingRefused, err)
	}
	return pairCodeResult{code, conn.qr.left().Milliseconds()}, nil
}

// requirePairing fails unless the session is connected and not linked yet.
func (s *session) requirePairing() (*connection, error) {
	conn := s.current()
	switch {
	case !s.linkedJID().IsEmpty():
		return nil, newError(codeAlreadyLinked, "the session is linked")
	case !conn.live():
		return nil, newError(codeNotConnected, "the session is not connected")
	}
	return conn, nil
}

// refusedAs gives an error that WhatsApp answered with the code of the step it
// belongs to; other errors keep their own.
func refusedAs(code string, err error) error {
	mapped := asRPCError(err)
	if mapped.Code == codeRejected || mapped.Code == codeInternal {
		return &rpcError{code, mapped.Message}
	}
	return mapped
}

type passkeyParams struct {
	Response *types.WebAuthnResponse `json:"response"`
}

func (b *bridge) passkeyResponse(ctx context.Context, s *session, raw json.RawMessage) (any, error) {
	params, err := decode[passkeyParams](raw)
	if err != nil {
		return nil, err
	}
	if params.Response == nil || len(params.Response.RawID) == 0 {
		return nil, newError(codeBadRequest, "no passkey response")
	}
	if _, err := s.requirePairing(); err != nil {
		return nil, err
	}
	if err := s.client.SendPasskeyResponse(ctx, params.Response); err != nil {
		return nil, refusedAs(codePasskeyFailed, err)
	}
	return empty{}, nil
}

func (b *bridge) passkeyConfirm(ctx context.Context, s *session, _ json.RawMessage) (any, error) {
	if _, err := s.requirePairing(); err != nil {
		return nil, err
	}
	if err := s.client.SendPasskeyConfirmation(ctx); err != nil {
		return nil, refusedAs(codePasskeyFailed, err)
	}
	return empty{}, nil
}

// errText is an event's error as Prosa sees it.
func errText(err error) string {
	if err == nil {
		err = errors.New("unknown error")
	}
	return scrub(err.Error())
}
