// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"reflect"
	"testing"
)

func serveTest(t *testing.T, handlers map[string]handler) (*server, *peer, <-chan error) {
	t.Helper()
	s, p := newPeer(t)
	server := newServer(s, newAckTable(), discard())
	server.handlers = handlers
	ended := make(chan error, 1)
	go func() { ended <- server.serve(context.Background()) }()
	return server, p, ended
}

func errorOf(frame map[string]any) any {
	fault, _ := frame["error"].(map[string]any)
	return fault["code"]
}

func TestRequestsRunConcurrently(t *testing.T) {
	release := make(chan struct{})
	_, p, _ := serveTest(t, map[string]handler{
		"slow": func(context.Context, string, json.RawMessage) (any, error) { <-release; return empty{}, nil },
		"echo": func(_ context.Context, session string, raw json.RawMessage) (any, error) {
			return map[string]any{"session": session, "params": raw}, nil
		},
	})
	p.write(`{"id":1,"session":"s","method":"slow"}`)
	p.write(`{"id":2,"session":"s","method":"echo","params":{"a":1},"unknown":true}`)
	want := map[string]any{"id": 2.0, "result": map[string]any{"session": "s", "params": map[string]any{"a": 1.0}}}
	if frame := p.read(); !reflect.DeepEqual(frame, want) {
		t.Fatalf("got %v", frame)
	}
	close(release)
	if frame := p.read(); !reflect.DeepEqual(frame, map[string]any{"id": 1.0, "result": map[string]any{}}) {
		t.Fatalf("got %v", frame)
	}
}

func TestFailuresStayInTheirRequest(t *testing.T) {
	_, p, _ := serveTest(t, map[string]handler{
		"panics": func(context.Context, string, json.RawMessage) (any, error) { panic("boom") },
		"typed": func(_ context.Context, _ string, raw json.RawMessage) (any, error) {
			return decode[sendParams](raw)
		},
		"large": func(context.Context, string, json.RawMessage) (any, error) { return make([]byte, maxFrame), nil },
	})
	for request, code := range map[string]string{
		`{"id":1,"method":"panics"}`:                     codeInternal,
		`{"id":2,"method":"nothing"}`:                    codeUnknownMethod,
		`{"id":3,"method":"typed","params":{"to":5}}`:    codeBadRequest,
		`{"id":4,"method":"typed","params":"no object"}`: codeBadRequest,
		`{"id":5,"method":"large"}`:                      codeInternal,
	} {
		p.write(request)
		if frame := p.read(); errorOf(frame) != code {
			t.Errorf("%s: got %v", request, frame)
		}
	}
}

func TestCancelledRequestHasNoAnswer(t *testing.T) {
	started := make(chan struct{})
	cancelled := make(chan struct{})
	_, p, _ := serveTest(t, map[string]handler{
		"wait": func(ctx context.Context, _ string, _ json.RawMessage) (any, error) {
			close(started)
			<-ctx.Done()
			close(cancelled)
			return nil, ctx.Err()
		},
		"ping": func(context.Context, string, json.RawMessage) (any, error) { return empty{}, nil },
	})
	p.write(`{"id":1,"method":"wait"}`)
	soon(t, started)
	p.write(`{"cancel":1}`)
	soon(t, cancelled)
	p.write(`{"cancel":99}`)
	p.write(`{"id":2,"method":"ping"}`)
	if frame := p.read(); frame["id"] != 2.0 {
		t.Fatalf("got %v", frame)
	}
	p.quiet()
}

func TestBadFrameEndsTheStream(t *testing.T) {
	for _, text := range []string{`{`, `[]`, `{"method":"ping"}`, `{"id":"one"}`} {
		_, p, ended := serveTest(t, nil)
		p.write(text)
		if err := soon(t, ended); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
}

func TestHelloChecksTheProtocol(t *testing.T) {
	b, _ := newTestBridge(t)
	if _, err := b.hello(context.Background(), "", json.RawMessage(`{"protocol":1}`)); asRPCError(err).Code != codeBadRequest {
		t.Fatalf("got %v", err)
	}
	result, err := b.hello(context.Background(), "", json.RawMessage(`{"protocol":2}`))
	if hello, ok := result.(helloResult); err != nil || !ok || hello.Protocol != protocolVersion || hello.PID == 0 {
		t.Fatalf("got %v, %v", result, err)
	}
}

func TestAllMethodsOfTheProtocolExist(t *testing.T) {
	b, _ := newTestBridge(t)
	methods := b.methods()
	for _, name := range []string{
		"hello", "open", "connect", "pair_code", "passkey_response", "passkey_confirm", "disconnect", "logout", "close",
		"send", "typing", "presence", "mark_read", "upload", "download", "resolve", "alternate",
	} {
		if methods[name] == nil {
			t.Errorf("no method %s", name)
		}
	}
	if _, err := methods["send"](context.Background(), "none", nil); asRPCError(err).Code != codeUnknownSession {
		t.Fatalf("got %v", err)
	}
}

func TestSessionsAreOpenOnce(t *testing.T) {
	b, _ := newTestBridge(t)
	methods := b.methods()
	call := func(method, session, params string) string {
		_, err := methods[method](context.Background(), session, json.RawMessage(params))
		if err == nil {
			return ""
		}
		return asRPCError(err).Code
	}
	newTestSession(t, b, "linked")
	other := newSession(b, "other", b.store.newDevice(), "Prosa")
	other.setJID(ownJID)
	if err := b.add(other); err == nil {
		t.Fatal("a device was opened twice")
	}
	for _, step := range []struct{ method, session, params, code string }{
		{"open", "s", `{}`, ""},
		{"open", "s", `{}`, codeAlreadyOpen},
		{"open", "", `{}`, codeBadRequest},
		{"open", "t", `{"jid":"x"}`, codeBadRequest},
		{"open", "t", `{"jid":"5511:3@s.whatsapp.net"}`, codeDeviceNotFound},
		{"send", "s", `{"to":"5511@s.whatsapp.net","id":"A","message":{"conversation":"x"}}`, codeNotLinked},
		{"send", "linked", `{"to":"5511@s.whatsapp.net","id":"A","message":{"conversation":"x"}}`, codeNotConnected},
		{"send", "linked", `{"to":"5511@s.whatsapp.net","message":{}}`, codeBadRequest},
		{"send", "linked", `{"to":"5511@s.whatsapp.net","id":"A","message":{"conversation":5}}`, codeBadRequest},
		{"mark_read", "linked", `{"chat":"5511@s.whatsapp.net","ids":[]}`, codeBadRequest},
		{"typing", "linked", `{"to":"5511@s.whatsapp.net","state":"singing"}`, codeBadRequest},
		{"resolve", "linked", `{"phones":["none"]}`, codeBadRequest},
		{"pair_code", "linked", `{"phone":"5511999990001"}`, codeAlreadyLinked},
		{"pair_code", "s", `{"phone":"5511999990001"}`, codeNotConnected},
		{"passkey_response", "s", `{}`, codeBadRequest},
		{"upload", "linked", `{"path":"/x","type":"nothing"}`, codeBadRequest},
		{"download", "linked", `{"message":{"conversation":"x"},"path":"/x"}`, codeBadRequest},
		{"disconnect", "s", ``, ""},
		{"close", "s", ``, ""},
		{"close", "s", ``, codeUnknownSession},
	} {
		if code := call(step.method, step.session, step.params); code != step.code {
			t.Errorf("%s %s %s: %q, want %q", step.method, step.session, step.params, code, step.code)
		}
	}
}
