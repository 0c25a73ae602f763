// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"

	"go.mau.fi/whatsmeow/types"
)

// protocolVersion is the version of docs/bridge-protocol.md.
const protocolVersion = 2

// bridge is all of the process: its sessions and what they share.
type bridge struct {
	ctx         context.Context
	log         *slog.Logger
	stream      *stream
	acks        *ackTable
	receipts    *receiptBox
	plaintexts  *plaintextBox
	store       *credentials
	media       *mediaDir
	testNetwork *testNetwork

	mu       sync.Mutex
	sessions map[string]*session
}

// sessionMethod is a method on an open session.
type sessionMethod func(ctx context.Context, s *session, params json.RawMessage) (any, error)

// methods returns the table of docs/bridge-protocol.md, "Methods".
func (b *bridge) methods() map[string]handler {
	table := map[string]handler{"hello": b.hello, "open": b.open}
	for name, method := range map[string]sessionMethod{
		"connect":          b.connect,
		"disconnect":       b.disconnect,
		"logout":           b.logout,
		"close":            b.closeSession,
		"pair_code":        b.pairCode,
		"passkey_response": b.passkeyResponse,
		"passkey_confirm":  b.passkeyConfirm,
		"send":             b.send,
		"typing":           b.typing,
		"presence":         b.presence,
		"mark_read":        b.markRead,
		"upload":           b.upload,
		"download":         b.download,
		"resolve":          b.resolve,
		"alternate":        b.alternate,
	} {
		table[name] = func(ctx context.Context, session string, params json.RawMessage) (any, error) {
			s, err := b.session(session)
			if err != nil {
				return nil, err
			}
			return method(ctx, s, params)
		}
	}
	return table
}

type helloParams struct {
	Protocol int `json:"protocol"`
}

type helloResult struct {
	Protocol  int    `json:"protocol"`
	Version   string `json:"version"`
	Whatsmeow string `json:"whatsmeow"`
	PID       int    `json:"pid"`
}

func (b *bridge) hello(_ context.Context, _ string, raw json.RawMessage) (any, error) {
	params, err := decode[helloParams](raw)
	if err != nil {
		return nil, err
	}
	if params.Protocol != protocolVersion {
		return nil, newError(codeBadRequest, "this bridge speaks protocol %d, not %d", protocolVersion, params.Protocol)
	}
	return helloResult{protocolVersion, version, whatsmeowVersion(), os.Getpid()}, nil
}

// whatsmeowVersion is the module version that the binary was built with.
func whatsmeowVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "go.mau.fi/whatsmeow" {
				return module.Version
			}
		}
	}
	return "unknown"
}

func (b *bridge) session(name string) (*session, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s, found := b.sessions[name]; found {
		return s, nil
	}
	return nil, newError(codeUnknownSession, "no open session %q", name)
}

// add registers a session. One name and one device are open at most once: two
// connections of one device would throw each other out for ever.
func (b *bridge) add(s *session) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, found := b.sessions[s.name]; found {
		return newError(codeAlreadyOpen, "session %q is open", s.name)
	}
	if jid := s.linkedJID(); !jid.IsEmpty() {
		for _, other := range b.sessions {
			if other.linkedJID() == jid {
				return newError(codeAlreadyOpen, "the device is open as session %q", other.name)
			}
		}
	}
	b.sessions[s.name] = s
	return nil
}

func (b *bridge) remove(s *session) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sessions[s.name] == s {
		delete(b.sessions, s.name)
	}
}

// shutdown disconnects all sessions at once. Nothing that Prosa has not
// acknowledged is receipted: the stream is closed first, which fails the waits.
func (b *bridge) shutdown() {
	b.stream.Close()
	b.mu.Lock()
	sessions := make([]*session, 0, len(b.sessions))
	for _, s := range b.sessions {
		sessions = append(sessions, s)
	}
	b.mu.Unlock()
	var group sync.WaitGroup
	for _, s := range sessions {
		group.Go(s.shut)
	}
	group.Wait()
	b.plaintexts.flush()
}

func parseJID(text string) (types.JID, error) {
	jid, err := types.ParseJID(text)
	if err != nil || jid.User == "" || jid.Server == "" {
		return types.EmptyJID, newError(codeBadRequest, "not a JID: %q", text)
	}
	return jid, nil
}
