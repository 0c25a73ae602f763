// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/types"
	waLog "go.mau.fi/whatsmeow/util/log"
)

// patience bounds what should happen at once; briefly is how long something must not happen.
const (
	patience = 5 * time.Second
	briefly  = 50 * time.Millisecond
)

// peer is Prosa's end of a stream.
type peer struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func newPeer(t *testing.T) (*stream, *peer) {
	t.Helper()
	ours, theirs := net.Pipe()
	s := newStream(ours)
	t.Cleanup(func() { s.Close(); _ = theirs.Close() })
	return s, &peer{t, theirs, bufio.NewReader(theirs)}
}

func (p *peer) write(text string) {
	p.t.Helper()
	_ = p.conn.SetWriteDeadline(time.Now().Add(patience))
	if err := writeFrame(p.conn, []byte(text)); err != nil {
		p.t.Fatalf("write %s: %v", text, err)
	}
}

// read returns the next frame.
func (p *peer) read() map[string]any {
	p.t.Helper()
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	body, err := readFrame(p.in)
	if err != nil {
		p.t.Fatalf("read: %v", err)
	}
	return p.decoded(body)
}

func (p *peer) decoded(body []byte) map[string]any {
	p.t.Helper()
	frame := map[string]any{}
	if err := json.Unmarshal(body, &frame); err != nil {
		p.t.Fatalf("frame %s: %v", body, err)
	}
	return frame
}

// readEvent returns the next frame that is more than a pair of addresses, which comes before a contact's first event.
func (p *peer) readEvent() map[string]any {
	p.t.Helper()
	frame := p.read()
	for frame["event"] == "lid_mapping" {
		frame = p.read()
	}
	return frame
}

// quiet fails the test when a frame comes.
func (p *peer) quiet() {
	p.t.Helper()
	_ = p.conn.SetReadDeadline(time.Now().Add(briefly))
	if body, err := readFrame(p.in); err == nil {
		p.t.Fatalf("unexpected frame %s", body)
	}
}

// readUntilQuiet returns the frames that are there, pairs of addresses apart.
func (p *peer) readUntilQuiet() (frames []map[string]any) {
	p.t.Helper()
	for {
		_ = p.conn.SetReadDeadline(time.Now().Add(briefly))
		body, err := readFrame(p.in)
		if err != nil {
			return frames
		}
		if frame := p.decoded(body); frame["event"] != "lid_mapping" {
			frames = append(frames, frame)
		}
	}
}

func discard() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func openTestStore(t *testing.T) *credentials {
	t.Helper()
	where, err := parseStoreURL("sqlite://" + filepath.ToSlash(filepath.Join(t.TempDir(), "wa.db")))
	if err != nil {
		t.Fatal(err)
	}
	store, err := openCredentials(context.Background(), where, waLog.Noop)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.db.Close() })
	return store
}

// newTestBridge is a bridge with a real store and no network.
func newTestBridge(t *testing.T) (*bridge, *peer) {
	t.Helper()
	s, p := newPeer(t)
	media, err := openMediaDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	acks := newAckTable()
	return &bridge{
		ctx: ctx, log: discard(), stream: s, acks: acks, store: openTestStore(t), media: media,
		receipts: newReceiptBox(s.Send, acks), plaintexts: newPlaintextBox(discard()),
		sessions: make(map[string]*session),
	}, p
}

var (
	ownJID      = types.JID{User: "5511999990001", Device: 7, Server: types.DefaultUserServer}
	ownLID      = types.JID{User: "1001", Device: 7, Server: types.HiddenUserServer}
	customerLID = types.JID{User: "2002", Device: 3, Server: types.HiddenUserServer}
	customerPN  = types.JID{User: "5511888880002", Server: types.DefaultUserServer}
)

// newTestSession is a linked session that has a connection, though no socket.
func newTestSession(t *testing.T, b *bridge, name string) *session {
	t.Helper()
	s := newSession(b, name, b.store.newDevice(), "Prosa")
	s.setJID(ownJID)
	s.conn = newConnection(s.ctx, b.acks)
	if err := b.add(s); err != nil {
		t.Fatal(err)
	}
	return s
}

// soon waits for a value.
func soon[T any](t *testing.T, values <-chan T) T {
	t.Helper()
	select {
	case value := <-values:
		return value
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}
