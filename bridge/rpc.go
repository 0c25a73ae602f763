// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
)

// frameIn is any frame from Prosa: a request, the cancellation of one, an ack, or several.
type frameIn struct {
	ID      *uint64         `json:"id"`
	Session string          `json:"session"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
	Cancel  *uint64         `json:"cancel"`
	Ack     *uint64         `json:"ack"`
	Acks    []uint64        `json:"acks"`
	OK      bool            `json:"ok"`
}

type answerFrame struct {
	ID     uint64    `json:"id"`
	Result any       `json:"result,omitempty"`
	Error  *rpcError `json:"error,omitempty"`
}

type eventFrame struct {
	Event   string `json:"event"`
	Session string `json:"session,omitempty"`
	Seq     uint64 `json:"seq,omitempty"`
	Data    any    `json:"data"`
}

// empty is the result of a method that has nothing to tell: `{}`.
type empty struct{}

// handler runs one method; its error is mapped by asRPCError.
type handler func(ctx context.Context, session string, params json.RawMessage) (any, error)

// server reads frames from Prosa, runs requests concurrently and passes acks on.
type server struct {
	stream   *stream
	acks     *ackTable
	log      *slog.Logger
	handlers map[string]handler

	mu      sync.Mutex
	running map[uint64]context.CancelFunc
}

func newServer(s *stream, acks *ackTable, log *slog.Logger) *server {
	return &server{
		stream: s, acks: acks, log: log,
		handlers: make(map[string]handler),
		running:  make(map[uint64]context.CancelFunc),
	}
}

// serve reads until the stream ends or a frame is bad; both end the stream.
func (s *server) serve(ctx context.Context) error {
	defer s.stream.Close()
	for {
		body, err := s.stream.Receive()
		if err != nil {
			return err
		}
		var frame frameIn
		if err := json.Unmarshal(body, &frame); err != nil {
			return fmt.Errorf("bad frame: %w", err)
		}
		switch {
		case frame.Ack != nil:
			s.acks.resolve(*frame.Ack, frame.OK)
		case len(frame.Acks) > 0:
			for _, seq := range frame.Acks {
				s.acks.resolve(seq, frame.OK)
			}
		case frame.Cancel != nil:
			s.cancel(*frame.Cancel)
		case frame.ID != nil:
			s.start(ctx, *frame.ID, frame)
		default:
			return fmt.Errorf("bad frame: neither a request, nor a cancellation, nor an ack")
		}
	}
}

func (s *server) start(ctx context.Context, id uint64, frame frameIn) {
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	s.running[id] = cancel
	s.mu.Unlock()
	go func() {
		result, err := s.call(ctx, frame)
		s.mu.Lock()
		_, wanted := s.running[id]
		delete(s.running, id)
		s.mu.Unlock()
		cancel()
		if !wanted {
			return // cancelled: no answer follows
		}
		answer := answerFrame{ID: id, Result: result}
		if err != nil {
			answer = answerFrame{ID: id, Error: asRPCError(err)}
		}
		if err := s.stream.Send(answer); err != nil && err != errStreamClosed {
			_ = s.stream.Send(answerFrame{ID: id, Error: newError(codeInternal, "%v", err)})
		}
	}()
}

func (s *server) cancel(id uint64) {
	s.mu.Lock()
	cancel := s.running[id]
	delete(s.running, id)
	s.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}

// call runs a request's method; a panic in it becomes `internal` and stays in this request.
func (s *server) call(ctx context.Context, frame frameIn) (result any, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			s.log.Error("method panicked", "method", frame.Method, "session", frame.Session,
				"cause", scrub(fmt.Sprint(cause)), "stack", string(debug.Stack()))
			result, err = nil, newError(codeInternal, "%s panicked", frame.Method)
		}
	}()
	run, found := s.handlers[frame.Method]
	if !found {
		return nil, newError(codeUnknownMethod, "unknown method %q", frame.Method)
	}
	return run(ctx, frame.Session, frame.Params)
}

// decode reads a method's parameters; absent parameters are an empty object.
func decode[T any](raw json.RawMessage) (params T, err error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return params, nil
	}
	if err := json.Unmarshal(raw, &params); err != nil {
		return params, newError(codeBadRequest, "bad parameters: %v", err)
	}
	return params, nil
}
