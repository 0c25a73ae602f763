// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/store/sqlstore"
	"go.mau.fi/whatsmeow/types"
	waLog "go.mau.fi/whatsmeow/util/log"
)

// storeLocation is a parsed --store URL.
type storeLocation struct {
	driver      string // "sqlite" or "pgx", both also names of dialects that whatsmeow knows
	source      string // data source name of that driver
	file        string // SQLite only: the database file
	connections int    // PostgreSQL only: at most; SQLite has one
}

// sqliteSettings are applied to each connection. WAL with synchronous=NORMAL is
// what whatsmeow's own SQLite users run with (go.mau.fi/util dbutil/litestream):
// a killed process loses nothing. Transactions take the write lock at their
// start, as a read that turns into a write would fail at once when another writes.
const sqliteSettings = "_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)" +
	"&_pragma=foreign_keys(1)&_txlock=immediate"

// parseStoreURL reads `sqlite:///abs/path.db` or `postgres://…`.
// Its errors never hold the URL, which may hold a password.
func parseStoreURL(text string) (storeLocation, error) {
	scheme, rest, found := strings.Cut(text, "://")
	switch {
	case text == "":
		return storeLocation{}, errors.New("no store: give --store or PROSA_BRIDGE_STORE")
	case !found:
		return storeLocation{}, errors.New("the store URL has no scheme")
	case scheme == "postgres" || scheme == "postgresql":
		if _, err := url.Parse(text); err != nil {
			return storeLocation{}, errors.New("the PostgreSQL store URL is malformed")
		}
		return storeLocation{driver: "pgx", source: text}, nil
	case scheme != "sqlite":
		return storeLocation{}, fmt.Errorf("unknown store scheme %q", scheme)
	}
	path, err := url.PathUnescape(rest)
	if err != nil || !strings.HasPrefix(path, "/") || strings.ContainsAny(rest, "?#") || path == "/" {
		return storeLocation{}, errors.New("a SQLite store is sqlite:///absolute/path.db")
	}
	file := path
	if len(path) > 2 && path[2] == ':' { // sqlite:///C:/…
		file = path[1:]
	}
	source := url.URL{Scheme: "file", Path: path, RawQuery: sqliteSettings}
	return storeLocation{driver: "sqlite", source: source.String(), file: filepath.FromSlash(file)}, nil
}

// credentials is whatsmeow's store of linked devices.
type credentials struct {
	db        *sql.DB
	container *sqlstore.Container
}

// idleInTransaction is how long PostgreSQL keeps the transaction of a bridge that says
// nothing: one that is frozen, or whose machine is gone, would keep its rows locked,
// and the bridge that takes its numbers over would wait for them. In milliseconds.
const idleInTransaction = "5000"

// open returns the database; nothing is connected yet.
func (l storeLocation) open() (*sql.DB, error) {
	if l.driver == "sqlite" {
		connector, err := newPreparing(l.source)
		if err != nil {
			return nil, err
		}
		return sql.OpenDB(connector), nil
	}
	config, err := pgx.ParseConfig(l.source)
	if err != nil {
		return nil, errors.New(scrub(err.Error()))
	}
	config.RuntimeParams["idle_in_transaction_session_timeout"] = idleInTransaction
	return stdlib.OpenDB(*config), nil
}

// openCredentials opens the store and brings its tables up to date.
func openCredentials(ctx context.Context, where storeLocation, log waLog.Logger) (*credentials, error) {
	if where.file != "" {
		if err := createPrivateFile(where.file); err != nil {
			return nil, fmt.Errorf("create the store: %w", err)
		}
	}
	db, err := where.open()
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	if where.driver == "sqlite" {
		// SQLite has one writer. With one connection, writers queue in Go, first
		// come first served; with several they would poll the file's lock.
		db.SetMaxOpenConns(1)
	} else {
		db.SetMaxOpenConns(where.connections)
		db.SetMaxIdleConns(where.connections)
		db.SetConnMaxIdleTime(5 * time.Minute)
	}
	container := sqlstore.NewWithDB(db, where.driver, log)
	if err := container.Upgrade(ctx); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("upgrade the store: %w", err)
	}
	return &credentials{db: db, container: container}, nil
}

// createPrivateFile makes an empty file that only its owner may read. SQLite
// gives its side files (-wal, -shm) the rights of the main one.
func createPrivateFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}

// newDevice returns an unlinked device; whatsmeow saves it when it is paired.
func (c *credentials) newDevice() *store.Device {
	return c.container.NewDevice()
}

// device returns a linked device, or nil when the store does not know it.
func (c *credentials) device(ctx context.Context, jid types.JID) (*store.Device, error) {
	device, err := c.container.GetDevice(ctx, jid)
	if err != nil {
		return nil, newError(codeStore, "read the device: %s", scrub(err.Error()))
	}
	return device, nil
}

// forget deletes a device and all that belongs to it; unknown devices are no error.
func (c *credentials) forget(ctx context.Context, jid types.JID) error {
	return c.container.DeleteDevice(ctx, &store.Device{ID: &jid})
}

// alternate returns the other form of a JID (LID ↔ phone number) as far as the
// store knows it, without a device part; else an empty JID.
func (c *credentials) alternate(ctx context.Context, jid types.JID) (types.JID, error) {
	jid = jid.ToNonAD()
	switch jid.Server {
	case types.DefaultUserServer:
		return c.container.LIDMap.GetLIDForPN(ctx, jid)
	case types.HiddenUserServer:
		return c.container.LIDMap.GetPNForLID(ctx, jid)
	default:
		return types.EmptyJID, nil
	}
}
