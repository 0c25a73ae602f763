// SPDX-License-Identifier: GPL-3.0-or-later

// echobot answers every text once with the same words, straight from whatsmeow:
// what the bare engine can do on this machine, for bench/throughput.py to hold
// Prosa against. It only ever speaks to a simulated network on loopback.
//
// It links its numbers by QR code and says what happens as JSON lines on
// standard output, and ends when its standard input does.
package main

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/store/sqlstore"
	"go.mau.fi/whatsmeow/types/events"
	waLog "go.mau.fi/whatsmeow/util/log"
	"google.golang.org/protobuf/proto"
	_ "modernc.org/sqlite" // registers "sqlite"
)

// storeSettings are those of prosa-bridge (bridge/store.go), so that the store is not the difference.
const storeSettings = "_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)" +
	"&_pragma=foreign_keys(1)&_txlock=immediate"

// said is one line of output: what happened to which number.
type said struct {
	Number    int    `json:"number"`
	QR        string `json:"qr,omitempty"`
	Connected bool   `json:"connected,omitempty"`
}

var (
	output   = json.NewEncoder(os.Stdout)
	speaking sync.Mutex
)

func say(line said) {
	speaking.Lock()
	defer speaking.Unlock()
	if output.Encode(line) != nil {
		os.Exit(0) // whoever listened is gone
	}
}

func main() {
	server := flag.String("server", "", "the simulated network: ws://127.0.0.1:PORT/ws/chat")
	rootKey := flag.String("root-key", "", "its Noise root key in hexadecimal")
	store := flag.String("store", "", "absolute path of a new SQLite file")
	numbers := flag.Int("numbers", 1, "how many numbers to link")
	text := flag.String("text", "We are open from 9 to 18, Monday to Saturday.", "what to answer")
	flag.Parse()
	if err := run(*server, *rootKey, *store, *numbers, *text); err != nil {
		fmt.Fprintln(os.Stderr, "echobot:", err)
		os.Exit(1)
	}
}

func run(server, rootKey, store string, numbers int, text string) error {
	network, err := simulated(server, rootKey)
	if err != nil {
		return err
	}
	source := url.URL{Scheme: "file", Path: store, RawQuery: storeSettings}
	db, err := sql.Open("sqlite", source.String())
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // SQLite has one writer
	container := sqlstore.NewWithDB(db, "sqlite", waLog.Noop)
	ctx := context.Background()
	if err := container.Upgrade(ctx); err != nil {
		return err
	}
	clients := make([]*whatsmeow.Client, numbers)
	for number := range clients {
		client := whatsmeow.NewClient(container.NewDevice(), waLog.Noop)
		client.SetWebsocketHTTPClient(network)
		client.SetPreLoginHTTPClient(network)
		client.AddEventHandler(handler(ctx, client, number, text))
		if err := client.Connect(); err != nil {
			return err
		}
		clients[number] = client
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	var group sync.WaitGroup
	for _, client := range clients {
		group.Go(client.Disconnect)
	}
	group.Wait()
	return nil
}

// handler answers texts, and says when a number can be scanned and when it is online.
func handler(ctx context.Context, client *whatsmeow.Client, number int, text string) whatsmeow.EventHandler {
	var answered sync.Map // by message id
	return func(event any) {
		switch event := event.(type) {
		case *events.QR:
			say(said{Number: number, QR: event.Codes[0]})
		case *events.Connected:
			say(said{Number: number, Connected: true})
		case *events.Message:
			if event.Info.IsFromMe || event.Message.GetConversation() == "" && event.Message.GetExtendedTextMessage() == nil {
				return
			}
			if _, again := answered.LoadOrStore(event.Info.ID, true); again {
				return
			}
			go func() {
				_, err := client.SendMessage(ctx, event.Info.Chat, &waE2E.Message{Conversation: proto.String(text)})
				if err != nil {
					fmt.Fprintln(os.Stderr, "echobot: not answered:", err)
				}
			}()
		}
	}
}

// simulated is the way to a simulated network: whatsmeow dials wss://web.whatsapp.com,
// and gets plain TCP to a server on loopback.
func simulated(server, rootKey string) (*http.Client, error) {
	address, err := url.Parse(server)
	if err != nil || address.Scheme != "ws" {
		return nil, errors.New("--server is not ws://127.0.0.1:PORT/ws/chat")
	}
	if ip := net.ParseIP(address.Hostname()); ip == nil || !ip.IsLoopback() {
		return nil, errors.New("--server is not on loopback")
	}
	key, err := hex.DecodeString(rootKey)
	if err != nil || len(key) != len(whatsmeow.WACertPubKey) {
		return nil, fmt.Errorf("--root-key is not %d bytes in hexadecimal", len(whatsmeow.WACertPubKey))
	}
	copy(whatsmeow.WACertPubKey[:], key)
	var dialer net.Dialer
	return &http.Client{Transport: &http.Transport{
		DialTLSContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, address.Host)
		},
	}}, nil
}
