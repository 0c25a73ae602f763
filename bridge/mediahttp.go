// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"

	"go.mau.fi/whatsmeow"
)

// mediaTransport notes how the last request of a download went. whatsmeow tries
// a download five times and then forgets the error of the last try
// (download-to-file.go: downloadPossiblyEncryptedMediaWithRetriesToFile), so
// that a server that is away looks like a file with a bad hash.
type mediaTransport struct {
	http.RoundTripper
}

type outcomeKey struct{}

// outcome is the error of the last request, nil after a good one.
type outcome struct {
	mu  sync.Mutex
	err error
}

func withOutcome(ctx context.Context) (context.Context, *outcome) {
	noted := &outcome{}
	return context.WithValue(ctx, outcomeKey{}, noted), noted
}

func (o *outcome) note(err error) {
	o.mu.Lock()
	o.err = err
	o.mu.Unlock()
}

// correct returns the error of the last request in place of the bad hash it was reported as.
func (o *outcome) correct(err error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if errors.Is(err, whatsmeow.ErrInvalidMediaHMAC) && o.err != nil {
		return o.err
	}
	return err
}

// RoundTrip makes the request and notes what came of it.
func (t mediaTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.RoundTripper.RoundTrip(request)
	noted, ok := request.Context().Value(outcomeKey{}).(*outcome)
	if !ok {
		return response, err
	}
	switch {
	case err != nil:
		noted.note(newError(codeNotConnected, "the media server cannot be reached: %s", scrub(err.Error())))
	case response.StatusCode >= http.StatusBadRequest:
		noted.note(newError(statusCode(response.StatusCode), "the media server answered %d", response.StatusCode))
	default:
		noted.note(nil)
		response.Body = watchedBody{response.Body, noted}
	}
	return response, err
}

// watchedBody notes when a body ends too early.
type watchedBody struct {
	io.ReadCloser
	noted *outcome
}

func (b watchedBody) Read(data []byte) (int, error) {
	n, err := b.ReadCloser.Read(data)
	if err != nil && !errors.Is(err, io.EOF) {
		b.noted.note(newError(codeNotConnected, "the media server broke off: %s", scrub(err.Error())))
	}
	return n, err
}
