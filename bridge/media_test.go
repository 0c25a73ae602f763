// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow"
)

func newTestMedia(t *testing.T) (*mediaDir, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "media")
	media, err := openMediaDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return media, dir
}

func TestMediaPathsStayInside(t *testing.T) {
	media, dir := newTestMedia(t)
	outside := filepath.Join(filepath.Dir(dir), "secret")
	for path, content := range map[string]string{outside: "secret", filepath.Join(dir, "a"): "inside"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	links := map[string]string{"link": outside, "dirlink": filepath.Dir(outside), "good": "a"}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Skipf("no symlinks here: %v", err)
		}
	}
	for _, path := range []string{
		"", ".", "a", dir, outside, filepath.Join(dir, "..", "secret"), dir + "/../secret", dir + "x/a", "/etc/passwd",
		filepath.Join(dir, "link"), filepath.Join(dir, "dirlink", "secret"), filepath.Join(dir, "missing"), filepath.Join(dir, "dirlink"),
	} {
		if file, err := media.open(path); err == nil {
			t.Errorf("%s was opened", path)
			_ = file.Close()
		} else if code := asRPCError(err).Code; code != codeMediaPath {
			t.Errorf("%s: %s", path, code)
		}
	}
	for _, name := range []string{"a", "good"} {
		file, err := media.open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		content, _ := io.ReadAll(file)
		_ = file.Close()
		if string(content) != "inside" {
			t.Errorf("%s: %s", name, content)
		}
	}
}

func TestMediaDirMayBeReachedByASymlink(t *testing.T) {
	real := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(real, link); err != nil {
		t.Skipf("no symlinks here: %v", err)
	}
	media, err := openMediaDir(link)
	if err != nil {
		t.Fatal(err)
	}
	resolved, err := filepath.EvalSymlinks(real)
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{link, resolved} {
		if relative, err := media.inside(filepath.Join(dir, "x", "y")); err != nil || relative != filepath.Join("x", "y") {
			t.Errorf("%s: %s, %v", dir, relative, err)
		}
	}
}

func TestFilesAppearWholeOrNotAtAll(t *testing.T) {
	media, dir := newTestMedia(t)
	file, _, remove, err := media.part()
	if err != nil {
		t.Fatal(err)
	}
	_, _ = file.WriteString("half")
	remove()
	if names, _ := os.ReadDir(dir); len(names) != 0 {
		t.Fatalf("left over: %v", names)
	}
	file, name, remove, err := media.part()
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	_, _ = file.WriteString("whole")
	result, err := media.finish(file, name, "final")
	if err != nil || result.Size != 5 || len(result.SHA256) != 32 {
		t.Fatalf("got %v, %v", result, err)
	}
	remove()
	names, _ := os.ReadDir(dir)
	content, _ := os.ReadFile(filepath.Join(dir, "final"))
	if len(names) != 1 || string(content) != "whole" {
		t.Fatalf("got %v, %s", names, content)
	}
}

func TestOldPartsAreRemovedAtStart(t *testing.T) {
	_, dir := newTestMedia(t)
	old, fresh := filepath.Join(dir, partPrefix+"old"), filepath.Join(dir, partPrefix+"fresh")
	for _, path := range []string{old, fresh} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	past := time.Now().Add(-2 * partAge)
	if err := os.Chtimes(old, past, past); err != nil {
		t.Fatal(err)
	}
	if _, err := openMediaDir(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); err == nil {
		t.Error("the old part is still there")
	}
	if _, err := os.Stat(fresh); err != nil {
		t.Error("the part of a download that may be running is gone")
	}
}

func TestDownloadsHaveALimit(t *testing.T) {
	media, _ := newTestMedia(t)
	file, _, remove, err := media.part()
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	if _, err := io.Copy(limitedFile{file, 10}, strings.NewReader("0123456789")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(limitedFile{file, 10}, strings.NewReader("x")); !errors.Is(err, errMediaTooLarge) {
		t.Fatalf("got %v", err)
	}
}

func TestAServerThatIsAwayIsNoBadHash(t *testing.T) {
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if status == 0 { // breaks off in the middle
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("some"))
			return
		}
		w.WriteHeader(status)
	}))
	defer server.Close()
	client := &http.Client{Transport: mediaTransport{http.DefaultTransport}}
	bad := fmt.Errorf("last host: %w", whatsmeow.ErrInvalidMediaHMAC)
	get := func(address string) error {
		ctx, noted := withOutcome(context.Background())
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		if response, err := client.Do(request); err == nil {
			_, _ = io.ReadAll(response.Body)
			_ = response.Body.Close()
		}
		if other := errors.New("other"); noted.correct(other) != other {
			t.Error("another error was replaced")
		}
		return noted.correct(bad)
	}
	for _, test := range []struct {
		status  int
		address string
		code    string
	}{
		{200, server.URL, codeMediaInvalid},
		{503, server.URL, codeNotConnected},
		{429, server.URL, codeRateLimited},
		{0, server.URL, codeNotConnected},
		{200, "http://127.0.0.1:1/", codeNotConnected},
	} {
		status = test.status
		if code := asRPCError(get(test.address)).Code; code != test.code {
			t.Errorf("%d %s: %s, want %s", test.status, test.address, code, test.code)
		}
	}
}
