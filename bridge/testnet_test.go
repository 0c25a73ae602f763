// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"go.mau.fi/whatsmeow"
)

func TestTestFlagsAreForLoopbackOnly(t *testing.T) {
	key := whatsmeow.WACertPubKey
	t.Cleanup(func() { whatsmeow.WACertPubKey = key })
	good, root := "ws://127.0.0.1:9/ws/chat", strings.Repeat("ab", 32)
	for name, flags := range map[string][3]string{
		"another machine":    {"ws://192.0.2.1:80/ws/chat", root, ""},
		"any address":        {"ws://0.0.0.0:80/ws/chat", root, ""},
		"a name":             {"ws://localhost:80/ws/chat", root, ""},
		"a name that begins": {"ws://127.0.0.1.example.com:80/ws/chat", root, ""},
		"user info":          {"ws://127.0.0.1:80@example.com:80/ws/chat", root, ""},
		"not a WebSocket":    {"http://127.0.0.1:80/ws/chat", root, ""},
		"no port":            {"ws://127.0.0.1/ws/chat", root, ""},
		"no key":             {good, "", ""},
		"short key":          {good, "abcd", ""},
		"key without server": {"", root, ""},
		"CA without server":  {"", "", "ca.pem"},
		"missing CA":         {good, root, filepath.Join(t.TempDir(), "none.pem")},
	} {
		if network, err := newTestNetwork(flags[0], flags[1], flags[2]); err == nil || network != nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if whatsmeow.WACertPubKey != key {
		t.Fatal("a refused flag changed the root key")
	}
	if network, err := newTestNetwork("", "", ""); network != nil || err != nil {
		t.Fatalf("no flags: %v, %v", network, err)
	}
	for _, server := range []string{good, "ws://[::1]:9/ws/chat"} {
		if network, err := newTestNetwork(server, root, ""); network == nil || err != nil {
			t.Errorf("%s: %v", server, err)
		}
	}
	network, err := newTestNetwork(good, root, "")
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Transport: network.media}).Get("https://192.0.2.1/")
	if err == nil {
		_ = response.Body.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "not a loopback address") {
		t.Fatalf("media of another machine: %v", err)
	}
}

func TestOptions(t *testing.T) {
	for _, args := range [][]string{
		{}, {"--fd", "3"}, {"--media-dir", "/m"}, {"--fd", "3", "--connect", "127.0.0.1:1", "--media-dir", "/m"},
		{"--fd", "3", "--media-dir", "/m", "more"}, {"--fd", "x", "--media-dir", "/m"},
	} {
		if o, err := parseOptions(args, io.Discard); err == nil {
			t.Errorf("%v was accepted: %+v", args, o)
		}
	}
	if o, err := parseOptions([]string{"--fd", "3", "--media-dir", "/m", "--store", "sqlite:///x"}, io.Discard); err != nil || o.fd != 3 {
		t.Fatalf("got %+v, %v", o, err)
	}
	if _, err := openStream(options{fd: -1, connect: "192.0.2.1:80"}, "token"); err == nil {
		t.Error("a stream to another machine was opened")
	}
	if _, err := openStream(options{fd: -1, connect: "127.0.0.1:1"}, ""); err == nil || !strings.Contains(err.Error(), tokenVariable) {
		t.Errorf("no token: %v", err)
	}
}
