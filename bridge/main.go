// SPDX-License-Identifier: GPL-3.0-or-later

// prosa-bridge connects Prosa to WhatsApp with whatsmeow. It is started by
// Prosa, speaks docs/bridge-protocol.md over one stream, and ends with it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// version is set when the binary is built: -ldflags "-X main.version=…".
var version = "dev"

// shutdownTime is how long the clients have to disconnect at the end.
const shutdownTime = 2 * time.Second

// storeTimeout bounds opening the store and upgrading its tables.
const storeTimeout = 2 * time.Minute

// The environment variables that carry secrets. They are removed once read.
const (
	storeVariable = "PROSA_BRIDGE_STORE"
	tokenVariable = "PROSA_BRIDGE_TOKEN"
)

type options struct {
	fd               int
	connect          string
	store            string
	storeConnections int
	mediaDir         string
	logLevel         string
	testServer       string
	testRootKey      string
	testMediaCA      string
	version          bool
}

func main() {
	os.Exit(run(os.Args[1:]))
}

// parseOptions reads the command line; mistakes and --help are explained on usage.
func parseOptions(args []string, usage io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("prosa-bridge", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.IntVar(&o.fd, "fd", -1, "inherited file descriptor of the stream")
	flags.StringVar(&o.connect, "connect", "", "loopback `HOST:PORT` of the stream, where no descriptor can be inherited")
	flags.StringVar(&o.store, "store", "", "credentials store: sqlite:///abs/path.db or postgres://… ("+storeVariable+" goes first)")
	flags.IntVar(&o.storeConnections, "store-connections", 16, "connections to PostgreSQL, at most")
	flags.StringVar(&o.mediaDir, "media-dir", "", "directory of all uploads and downloads")
	flags.StringVar(&o.logLevel, "log-level", "info", "debug, info, warn or error")
	flags.StringVar(&o.testServer, "test-server", "", "tests only: ws://127.0.0.1:PORT/ws/chat")
	flags.StringVar(&o.testRootKey, "test-root-key", "", "tests only: Noise root key in hexadecimal")
	flags.StringVar(&o.testMediaCA, "test-media-ca", "", "tests only: PEM file trusted for media servers on loopback")
	flags.BoolVar(&o.version, "version", false, "print the version and exit")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	switch {
	case o.version:
		return o, nil
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case (o.fd < 0) == (o.connect == ""):
		return o, errors.New("give either --fd or --connect")
	case o.mediaDir == "":
		return o, errors.New("give --media-dir")
	case o.storeConnections < 1:
		return o, errors.New("give --store-connections of at least 1")
	}
	return o, nil
}

// run is main with an exit status: 0 after a normal end, 1 when it could not start, 2 for wrong usage.
func run(args []string) int {
	o, err := parseOptions(args, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		fmt.Fprintln(os.Stderr, "prosa-bridge:", err)
		return 2
	}
	if o.version {
		fmt.Printf("prosa-bridge %s (whatsmeow %s)\n", version, whatsmeowVersion())
		return 0
	}
	log, err := newLogger(os.Stderr, o.logLevel)
	if err != nil {
		fmt.Fprintln(os.Stderr, "prosa-bridge:", err)
		return 2
	}
	silenceSignal()
	leaveCores()
	b, err := start(o, log)
	if err != nil {
		log.Error("cannot start", "error", scrub(err.Error()))
		return 1
	}
	return b.run()
}

// leaveCores keeps the bridge to half of the cores: the others are Prosa's. Small
// pieces of work spread over all cores cost more in waking threads, on the two
// cores of a small server a sixth, than they gain. GOMAXPROCS has its way.
func leaveCores() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(max(1, runtime.GOMAXPROCS(0)/2))
	}
}

// start opens everything the bridge needs, the stream last.
func start(o options, log *slog.Logger) (*bridge, error) {
	if secret := os.Getenv(storeVariable); secret != "" {
		o.store = secret
	}
	token := os.Getenv(tokenVariable)
	_ = os.Unsetenv(storeVariable)
	_ = os.Unsetenv(tokenVariable)

	network, err := newTestNetwork(o.testServer, o.testRootKey, o.testMediaCA)
	if err != nil {
		return nil, err
	}
	where, err := parseStoreURL(o.store)
	if err != nil {
		return nil, err
	}
	media, err := openMediaDir(o.mediaDir)
	if err != nil {
		return nil, fmt.Errorf("media directory: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	where.connections = o.storeConnections
	store, err := openCredentials(ctx, where, waLogger{log.With("module", "Store")})
	if err != nil {
		return nil, err
	}
	conn, err := openStream(o, token)
	if err != nil {
		return nil, err
	}
	stream, acks := newStream(conn), newAckTable()
	return &bridge{
		log: log, stream: stream, acks: acks, store: store, media: media, testNetwork: network,
		receipts: newReceiptBox(stream.Send, acks), plaintexts: newPlaintextBox(log),
		sessions: make(map[string]*session),
	}, nil
}

// openStream takes over the inherited descriptor or connects back to Prosa.
func openStream(o options, token string) (net.Conn, error) {
	if o.connect == "" {
		file := os.NewFile(uintptr(o.fd), "stream")
		if file == nil {
			return nil, errors.New("--fd is no open descriptor")
		}
		defer file.Close() // FileConn has its own copy
		conn, err := net.FileConn(file)
		if err != nil {
			return nil, fmt.Errorf("--fd: %w", err)
		}
		return conn, nil
	}
	if err := checkLoopback(o.connect); err != nil {
		return nil, fmt.Errorf("--connect: %w", err)
	}
	if token == "" {
		return nil, errors.New(tokenVariable + " is not set")
	}
	conn, err := net.DialTimeout("tcp", o.connect, 10*time.Second)
	if err != nil {
		return nil, fmt.Errorf("--connect: %w", err)
	}
	hello, err := json.Marshal(map[string]string{"token": token})
	if err == nil {
		err = writeFrame(conn, hello)
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("--connect: %w", err)
	}
	return conn, nil
}

// run serves Prosa until the stream ends or a signal comes, then disconnects all sessions.
func (b *bridge) run() int {
	ctx, cancel := context.WithCancel(context.Background())
	b.ctx = ctx
	server := newServer(b.stream, b.acks, b.log)
	server.handlers = b.methods()

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ended := make(chan error, 1)
	go func() { ended <- server.serve(ctx) }()
	b.log.Info("bridge started", "version", version, "whatsmeow", whatsmeowVersion(), "pid", os.Getpid())

	status := 0
	select {
	case received := <-signals:
		b.log.Info("bridge stops", "reason", received.String())
	case err := <-ended:
		if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) {
			b.log.Info("bridge stops", "reason", "the stream ended")
		} else {
			b.log.Error("bridge stops", "reason", scrub(err.Error()))
			status = 1
		}
	}
	done := make(chan struct{})
	go func() {
		b.shutdown()
		close(done)
	}()
	select {
	case <-done:
		_ = b.store.db.Close()
	case <-time.After(shutdownTime):
	}
	cancel()
	return status
}
