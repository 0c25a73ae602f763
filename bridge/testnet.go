// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"

	"go.mau.fi/whatsmeow"
)

// testNetwork stands in for WhatsApp's servers in tests. Every address it dials
// is loopback, so no flag can point a real account at another server.
type testNetwork struct {
	websocket *http.Client
	media     http.RoundTripper
}

// newTestNetwork reads the --test-* flags; nil when none is set.
func newTestNetwork(server, rootKey, mediaCA string) (*testNetwork, error) {
	if server == "" && rootKey == "" && mediaCA == "" {
		return nil, nil
	}
	if server == "" || rootKey == "" {
		return nil, errors.New("--test-server and --test-root-key belong together")
	}
	address, err := loopbackAddress(server)
	if err != nil {
		return nil, fmt.Errorf("--test-server: %w", err)
	}
	key, err := hex.DecodeString(rootKey)
	if err != nil || len(key) != len(whatsmeow.WACertPubKey) {
		return nil, fmt.Errorf("--test-root-key: not %d bytes in hexadecimal", len(whatsmeow.WACertPubKey))
	}
	roots := x509.NewCertPool()
	if mediaCA != "" {
		pem, err := os.ReadFile(mediaCA)
		if err != nil {
			return nil, fmt.Errorf("--test-media-ca: %w", err)
		}
		if !roots.AppendCertsFromPEM(pem) {
			return nil, errors.New("--test-media-ca: no certificate in the file")
		}
	}
	copy(whatsmeow.WACertPubKey[:], key)
	var dialer net.Dialer
	return &testNetwork{
		// whatsmeow dials wss://web.whatsapp.com: the connection it gets as "TLS" is
		// plain TCP to the simulator.
		websocket: &http.Client{Transport: &http.Transport{
			DialTLSContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return dialer.DialContext(ctx, network, address)
			},
		}},
		media: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: roots},
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				if err := checkLoopback(address); err != nil {
					return nil, err
				}
				return dialer.DialContext(ctx, network, address)
			},
		},
	}, nil
}

// apply sets a client's ways to the network; without a test network those of
// whatsmeow, which heed the proxy settings of the environment.
func (n *testNetwork) apply(client *whatsmeow.Client) {
	media := http.RoundTripper(http.DefaultTransport)
	if n != nil {
		media = n.media
		client.SetWebsocketHTTPClient(n.websocket)
		client.SetPreLoginHTTPClient(n.websocket)
	}
	client.SetMediaHTTPClient(&http.Client{Transport: mediaTransport{media}})
}

// loopbackAddress returns host:port of a ws:// URL on this machine.
func loopbackAddress(text string) (string, error) {
	server, err := url.Parse(text)
	if err != nil || server.Scheme != "ws" || server.Path != "/ws/chat" {
		return "", errors.New("not a URL of the form ws://127.0.0.1:PORT/ws/chat")
	}
	if server.Port() == "" {
		return "", errors.New("no port")
	}
	return server.Host, checkLoopback(server.Host)
}

// checkLoopback refuses every host that is not a literal loopback address.
func checkLoopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("%s is not a loopback address", host)
	}
	return nil
}
