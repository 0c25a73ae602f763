// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
)

// preparedStore returns a database with one table, and a look at its only connection's idle statements.
func preparedStore(t *testing.T) (*sql.DB, func() map[string]bool) {
	t.Helper()
	connector, err := newPreparing("file:" + filepath.ToSlash(filepath.Join(t.TempDir(), "a.db")) + "?" + sqliteSettings)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	execute(t, db, "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL);"+
		"CREATE TABLE reply (note INTEGER REFERENCES note (id) DEFERRABLE INITIALLY DEFERRED)")
	return db, func() map[string]bool {
		idle := map[string]bool{}
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.Raw(func(plain any) error {
			for query := range plain.(*preparingConn).idle {
				idle[query] = true
			}
			return nil
		})
		return idle
	}
}

type executor interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func execute(t *testing.T, db executor, query string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func count(t *testing.T, db *sql.DB) (found int) {
	t.Helper()
	if err := db.QueryRow("SELECT count(*) FROM note").Scan(&found); err != nil {
		t.Fatal(err)
	}
	return found
}

const (
	insertNote = "INSERT INTO note (text) VALUES (?)"
	allNotes   = "SELECT text FROM note ORDER BY id"
)

func TestStatementsAreKeptAndGiveTheirValuesEachTime(t *testing.T) {
	db, idle := preparedStore(t)
	for _, text := range []string{"one", "two", "three"} {
		execute(t, db, insertNote, text)
	}
	for range 2 {
		rows, err := db.Query(allNotes)
		if err != nil {
			t.Fatal(err)
		}
		var all string
		for rows.Next() {
			var text string
			if err := rows.Scan(&text); err != nil {
				t.Fatal(err)
			}
			all += text + " "
		}
		if rows.Err() != nil || all != "one two three " {
			t.Fatalf("%q, %v", all, rows.Err())
		}
	}
	if kept := idle(); !kept[insertNote] || !kept[allNotes] {
		t.Errorf("not kept: %v", kept)
	}
}

func TestTheSameQueryInsideItselfHasItsOwnStatement(t *testing.T) {
	db, _ := preparedStore(t)
	execute(t, db, insertNote, "one")
	execute(t, db, insertNote, "two")
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	outer, err := tx.Query(allNotes)
	if err != nil {
		t.Fatal(err)
	}
	defer outer.Close()
	seen := 0
	for outer.Next() {
		seen++
		var first string
		if err := tx.QueryRow(allNotes).Scan(&first); err != nil || first != "one" {
			t.Fatalf("%q, %v", first, err)
		}
	}
	if outer.Err() != nil || seen != 2 {
		t.Errorf("%d rows, %v", seen, outer.Err())
	}
}

func TestAStatementThatFailsIsNotKept(t *testing.T) {
	db, idle := preparedStore(t)
	if _, err := db.Exec(insertNote, nil); err == nil {
		t.Fatal("a note without text was stored")
	}
	if idle()[insertNote] {
		t.Error("kept though it failed")
	}
	execute(t, db, insertNote, "one")
	if count(t, db) != 1 {
		t.Error("not stored")
	}
}

func TestACommitThatFailsLeavesNothingAndNoTransaction(t *testing.T) {
	db, _ := preparedStore(t)
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	execute(t, tx, insertNote, "one")
	execute(t, tx, "INSERT INTO reply VALUES (99)")
	if err := tx.Commit(); err == nil {
		t.Fatal("committed, with a reply to no note")
	}
	if count(t, db) != 0 {
		t.Error("something of it is left")
	}
	if tx, err = db.Begin(); err != nil {
		t.Fatalf("the connection is no longer usable: %v", err)
	}
	execute(t, tx, insertNote, "two")
	if err := tx.Commit(); err != nil || count(t, db) != 1 {
		t.Errorf("%v", err)
	}
}

func TestNothingBeginsUnderACancelledContext(t *testing.T) {
	db, _ := preparedStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	execute(t, tx, insertNote, "one")
	cancel()
	if _, err := tx.ExecContext(ctx, insertNote, "two"); !errors.Is(err, context.Canceled) && !errors.Is(err, sql.ErrTxDone) {
		t.Errorf("%v", err)
	}
	if err := tx.Commit(); err == nil {
		t.Error("committed though cancelled")
	}
	if count(t, db) != 0 {
		t.Error("something of it is left")
	}
}

func TestOddStatementsAreNotKeptWithoutEnd(t *testing.T) {
	db, idle := preparedStore(t)
	for n := range keptStatements + 20 {
		execute(t, db, insertNote+" -- "+string(rune('a'+n%26))+string(rune('0'+n/26)), "x")
	}
	if kept := len(idle()); kept > keptStatements {
		t.Errorf("%d statements are kept", kept)
	}
	if count(t, db) != keptStatements+20 {
		t.Error("some are missing")
	}
}
