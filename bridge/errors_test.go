// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"go.mau.fi/whatsmeow"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/socket"
	"go.mau.fi/whatsmeow/store"
)

func TestErrorsHaveTheProtocolsCodes(t *testing.T) {
	for _, test := range []struct {
		err  error
		code string
	}{
		{newError(codeMediaPath, "x"), codeMediaPath},
		{whatsmeow.ErrNotConnected, codeNotConnected},
		{fmt.Errorf("%w: %w", socket.ErrDialFailed, errors.New("refused")), codeNotConnected},
		{&url.Error{Op: "Get", URL: "https://x/", Err: errors.New("EOF")}, codeNotConnected},
		{&net.OpError{Op: "dial", Err: errors.New("x")}, codeNotConnected},
		{whatsmeow.ErrNotLoggedIn, codeNotLinked},
		{whatsmeow.ErrNoPushName, codeNotReady},
		{store.ErrDeviceDeleted, codeDeviceNotFound},
		{whatsmeow.ErrMessageTimedOut, codeTimeout},
		{whatsmeow.ErrIQTimedOut, codeTimeout},
		{fmt.Errorf("x: %w", context.DeadlineExceeded), codeTimeout},
		{&whatsmeow.DisconnectedError{Action: "message send"}, codeTimeout},
		{fmt.Errorf("%w %d", whatsmeow.ErrServerReturnedError, 463), codeRejected},
		{fmt.Errorf("%w %d", whatsmeow.ErrServerReturnedError, 429), codeRateLimited},
		{fmt.Errorf("x: %w", whatsmeow.ErrIQRateOverLimit), codeRateLimited},
		{whatsmeow.ErrIQBadRequest, codeRejected},
		{whatsmeow.ErrIQServiceUnavailable, codeNotConnected},
		{fmt.Errorf("no LID found for %s from server", customerPN), codeRecipientUnknown},
		{fmt.Errorf("failed to get group members: %w: %w", whatsmeow.ErrNotInGroup, whatsmeow.ErrIQForbidden), codeNotInGroup},
		{fmt.Errorf("%w: %w", whatsmeow.ErrGroupNotFound, whatsmeow.ErrIQNotFound), codeNotInGroup},
		{fmt.Errorf("last host: %w", whatsmeow.ErrMediaDownloadFailedWith403), codeMediaGone},
		{whatsmeow.ErrMediaDownloadFailedWith404, codeMediaGone},
		{whatsmeow.ErrMediaDownloadFailedWith410, codeMediaGone},
		{whatsmeow.DownloadHTTPError{Response: &http.Response{StatusCode: 429}}, codeRateLimited},
		{errors.New("upload failed with status code 413"), codeRejected},
		{errors.New("upload failed with status code 503"), codeNotConnected},
		{fmt.Errorf("last host: %w", whatsmeow.ErrInvalidMediaHMAC), codeMediaInvalid},
		{whatsmeow.ErrInvalidMediaSHA256, codeMediaInvalid},
		{errMediaTooLarge, codeMediaInvalid},
		{whatsmeow.ErrNothingDownloadableFound, codeBadRequest},
		{whatsmeow.ErrPhoneNumberTooShort, codeBadRequest},
		{fmt.Errorf("save: %w", &pgconn.PgError{Code: "57P01"}), codeStore},
		{errors.New("anything else"), codeInternal},
	} {
		if got := asRPCError(test.err); got.Code != test.code {
			t.Errorf("%v: %s, want %s", test.err, got.Code, test.code)
		}
	}
}

func TestPairingErrorsKeepTheirKind(t *testing.T) {
	for err, code := range map[error]string{
		whatsmeow.ErrIQBadRequest:             codePairingRefused,
		errors.New("missing element"):         codePairingRefused,
		whatsmeow.ErrIQRateOverLimit:          codeRateLimited,
		whatsmeow.ErrPhoneNumberTooShort:      codeBadRequest,
		whatsmeow.ErrNotConnected:             codeNotConnected,
		fmt.Errorf("x: %w", context.Canceled): codeTimeout,
	} {
		if got := asRPCError(refusedAs(codePairingRefused, err)); got.Code != code {
			t.Errorf("%v: %s, want %s", err, got.Code, code)
		}
	}
}

func TestSecretsAreScrubbed(t *testing.T) {
	got := scrub(`Post "https://mmg.whatsapp.net/mms/image/abc?auth=SECRET&token=T": postgres://me:SECRET@db/x ` + strings.Repeat("é", maxText))
	if strings.Contains(got, "SECRET") || !strings.Contains(got, "mmg.whatsapp.net/mms/image/abc") || len(got) > maxText+10 {
		t.Fatalf("got %s", got)
	}
}

func TestLogLinesHoldNoStanzas(t *testing.T) {
	var out bytes.Buffer
	log, err := newLogger(&out, "debug")
	if err != nil {
		t.Fatal(err)
	}
	wa := waLogger{log.With("session", "s")}
	node := &waBinary.Node{Tag: "message", Content: []byte("CIPHERTEXT")}
	wa.Warnf("handling %s takes long, %v", node, *node)
	wa.Debugf("Errored frame hex: %s", "CIPHERTEXT")
	wa.Sub("Send").Debugf("CIPHERTEXT")
	wa.Sub("Recv").Debugf("CIPHERTEXT")
	text := out.String()
	if strings.Contains(text, "CIPHERTEXT") || strings.Contains(text, "434950484552") || strings.Count(text, "\n") != 1 {
		t.Fatalf("got %s", text)
	}
	for _, part := range []string{`"level":"warn"`, `"session":"s"`, `"msg":"handling <message/> takes long, <message/>"`} {
		if !strings.Contains(text, part) {
			t.Errorf("%s lacks %s", text, part)
		}
	}
	if _, err := newLogger(&out, "loud"); err == nil {
		t.Fatal("an unknown level was accepted")
	}
}
