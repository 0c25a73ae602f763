// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	waLog "go.mau.fi/whatsmeow/util/log"
)

func TestStoreURLs(t *testing.T) {
	for text, want := range map[string]storeLocation{
		"sqlite:///var/lib/wa.db":       {driver: "sqlite", file: "/var/lib/wa.db"},
		"sqlite:///with%20space/a%3Fb":  {driver: "sqlite", file: "/with space/a?b"},
		"sqlite:///C:/Users/me/wa.db":   {driver: "sqlite", file: "C:/Users/me/wa.db"},
		"postgres://u:p@h/db?sslmode=x": {driver: "pgx", source: "postgres://u:p@h/db?sslmode=x"},
		"postgresql://h/db":             {driver: "pgx", source: "postgresql://h/db"},
	} {
		got, err := parseStoreURL(text)
		if err != nil || got.driver != want.driver || filepath.ToSlash(got.file) != want.file {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if want.source != "" && got.source != want.source {
			t.Errorf("%s: source %s", text, got.source)
		}
	}
	for _, text := range []string{
		"", "wa.db", "sqlite://relative.db", "sqlite:///", "sqlite:///a?mode=ro", "mysql://u:SECRET@h/db", "postgres://u:SECRET@h:port/db",
	} {
		if got, err := parseStoreURL(text); err == nil {
			t.Errorf("%q was accepted: %+v", text, got)
		} else if strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%v holds the password", err)
		}
	}
}

func TestSQLiteStoreIsPrivateAndSafe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new folder", "wa?.db")
	where, err := parseStoreURL("sqlite://" + strings.NewReplacer(" ", "%20", "?", "%3F").Replace(filepath.ToSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	store, err := openCredentials(t.Context(), where, waLog.Noop)
	if err != nil {
		t.Fatal(err)
	}
	defer store.db.Close()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	for pragma, want := range map[string]string{"journal_mode": "wal", "foreign_keys": "1", "synchronous": "1", "busy_timeout": "10000"} {
		var got string
		if err := store.db.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %s, %v", pragma, got, err)
		}
	}
	if device, err := store.device(t.Context(), ownJID); device != nil || err != nil {
		t.Fatalf("unknown device: %v, %v", device, err)
	}
	if err := store.forget(t.Context(), ownJID); err != nil {
		t.Fatal(err)
	}
}
