// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"go.mau.fi/util/dbutil"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/socket"
	"go.mau.fi/whatsmeow/store"
	"modernc.org/sqlite"
)

// The error codes of docs/bridge-protocol.md, "Error codes".
const (
	codeBadRequest       = "bad_request"
	codeUnknownMethod    = "unknown_method"
	codeUnknownSession   = "unknown_session"
	codeAlreadyOpen      = "already_open"
	codeDeviceNotFound   = "device_not_found"
	codeNotConnected     = "not_connected"
	codeNotLinked        = "not_linked"
	codeAlreadyLinked    = "already_linked"
	codeNotReady         = "not_ready"
	codeTimeout          = "timeout"
	codeRateLimited      = "rate_limited"
	codeRejected         = "rejected"
	codeRecipientUnknown = "recipient_unknown"
	codeNotInGroup       = "not_in_group"
	codeMediaGone        = "media_gone"
	codeMediaInvalid     = "media_invalid"
	codeMediaPath        = "media_path"
	codePairingRefused   = "pairing_refused"
	codePasskeyFailed    = "passkey_failed"
	codeStore            = "store"
	codeInternal         = "internal"
)

// rpcError is an error as Prosa sees it.
type rpcError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (e *rpcError) Error() string { return e.Code + ": " + e.Message }

func newError(code, format string, args ...any) *rpcError {
	return &rpcError{Code: code, Message: fmt.Sprintf(format, args...)}
}

// errorRule says which code an error of whatsmeow gets.
type errorRule struct {
	code string
	errs []error
}

var errorRules = []errorRule{
	{codeNotConnected, []error{
		whatsmeow.ErrNotConnected, socket.ErrDialFailed, socket.ErrSocketClosed, socket.ErrSocketAlreadyOpen,
	}},
	{codeNotLinked, []error{whatsmeow.ErrNotLoggedIn}},
	{codeNotReady, []error{whatsmeow.ErrNoPushName}},
	{codeDeviceNotFound, []error{store.ErrDeviceDeleted}},
	{codeTimeout, []error{whatsmeow.ErrMessageTimedOut, whatsmeow.ErrIQTimedOut, context.DeadlineExceeded, context.Canceled}},
	{codeMediaGone, []error{
		whatsmeow.ErrMediaDownloadFailedWith403, whatsmeow.ErrMediaDownloadFailedWith404, whatsmeow.ErrMediaDownloadFailedWith410,
	}},
	{codeMediaInvalid, []error{
		whatsmeow.ErrInvalidMediaHMAC, whatsmeow.ErrInvalidMediaEncSHA256, whatsmeow.ErrInvalidMediaSHA256,
		whatsmeow.ErrInvalidUnencryptedMediaSHA256, whatsmeow.ErrTooShortFile, errMediaTooLarge,
	}},
	{codeBadRequest, []error{
		whatsmeow.ErrPhoneNumberTooShort, whatsmeow.ErrPhoneNumberIsNotInternational, whatsmeow.ErrUnknownServer,
		whatsmeow.ErrRecipientADJID, whatsmeow.ErrBroadcastListUnsupported, whatsmeow.ErrNothingDownloadableFound,
		whatsmeow.ErrNoURLPresent, whatsmeow.ErrUnknownMediaType,
	}},
}

// asRPCError maps any error to one of the protocol's codes. What is not known is `internal`.
func asRPCError(err error) *rpcError {
	var known *rpcError
	if errors.As(err, &known) {
		return known
	}
	return &rpcError{Code: errorCode(err), Message: scrub(err.Error())}
}

func errorCode(err error) string {
	var disconnected *whatsmeow.DisconnectedError
	if errors.As(err, &disconnected) {
		// It was sent and the socket ended before the answer: as after a timeout, the outcome is unknown.
		return codeTimeout
	}
	if isStoreError(err) {
		return codeStore
	}
	if errors.Is(err, whatsmeow.ErrNotInGroup) || errors.Is(err, whatsmeow.ErrGroupNotFound) {
		return codeNotInGroup // these are IQ errors as well
	}
	var refused *whatsmeow.IQError
	if errors.As(err, &refused) {
		return statusCode(refused.Code)
	}
	for _, rule := range errorRules {
		for _, candidate := range rule.errs {
			if errors.Is(err, candidate) {
				return rule.code
			}
		}
	}
	var download whatsmeow.DownloadHTTPError
	if errors.As(err, &download) {
		return statusCode(download.StatusCode)
	}
	if errors.Is(err, whatsmeow.ErrServerReturnedError) {
		return statusCode(trailingNumber(err.Error()))
	}
	text := err.Error()
	switch {
	case strings.Contains(text, "no LID found for"): // send.go: SendMessage to a number that is not on WhatsApp
		return codeRecipientUnknown
	case strings.Contains(text, "upload failed with status code"): // upload.go: rawUpload
		return statusCode(trailingNumber(text))
	}
	var transport *url.Error
	var network net.Error
	if errors.As(err, &transport) || errors.As(err, &network) {
		return codeNotConnected
	}
	return codeInternal
}

// isStoreError says whether an error comes from the database.
func isStoreError(err error) bool {
	var failure storeFailure
	var sqliteErr *sqlite.Error
	var postgresErr *pgconn.PgError
	var connectErr *pgconn.ConnectError
	for _, target := range []any{&failure, &sqliteErr, &postgresErr, &connectErr} {
		if errors.As(err, target) {
			return true
		}
	}
	for _, target := range []error{sql.ErrConnDone, driver.ErrBadConn, dbutil.ErrTxnBegin, dbutil.ErrTxnCommit} {
		if errors.Is(err, target) {
			return !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
		}
	}
	return false
}

// statusCode maps a status that WhatsApp answered with. 5xx are its own troubles: try again later.
func statusCode(status int) string {
	switch {
	case status == 429:
		return codeRateLimited
	case status >= 500 && status < 600:
		return codeNotConnected
	default:
		return codeRejected
	}
}

func trailingNumber(text string) int {
	number, _ := strconv.Atoi(text[strings.LastIndexByte(text, ' ')+1:])
	return number
}

var (
	urlQuery    = regexp.MustCompile(`((?:https?|wss?)://[^\s"?]+)\?[^\s"]*`)
	urlPassword = regexp.MustCompile(`(\w+://[^\s/:@"]*):[^\s@"]*@`)
)

// maxText bounds error messages and log lines, in bytes: errors of whatsmeow can hold whole stanzas.
const maxText = 600

// scrub takes the parts out of a text that may be secret: query strings of
// URLs (media tokens), passwords in URLs, and whatever is very long.
func scrub(text string) string {
	text = urlQuery.ReplaceAllString(text, "$1?…")
	text = urlPassword.ReplaceAllString(text, "$1:…@")
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}
