// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
)

// keepAliveFailures is how many keepalives in a row may go unanswered before a
// connection counts as dead. They are 20 to 30 seconds apart and have 10 seconds
// each (whatsmeow keepalive.go), so that is after at most 80 seconds.
const keepAliveFailures = 2

type (
	disconnectedData struct {
		Reason string `json:"reason"`
		Detail string `json:"detail,omitempty"`
	}
	passkeyRequestData struct {
		Options *types.WebAuthnPublicKey `json:"options"`
	}
	passkeyConfirmationData struct {
		Code        string `json:"code"`
		SkipHandoff bool   `json:"skip_handoff"`
	}
	passkeyErrorData struct {
		Message      string `json:"message"`
		Continuation bool   `json:"continuation"`
	}
	pairedData struct {
		JID          string `json:"jid"`
		LID          string `json:"lid"`
		Platform     string `json:"platform"`
		BusinessName string `json:"business_name"`
	}
	pairErrorData struct {
		Message string `json:"message"`
	}
	loggedOutData struct {
		Reason    string `json:"reason"`
		Code      int    `json:"code"`
		OnConnect bool   `json:"on_connect"`
	}
	temporaryBanData struct {
		Code        int    `json:"code"`
		Reason      string `json:"reason"`
		ExpiresInMS int64  `json:"expires_in_ms"`
	}
	connectFailureData struct {
		Code    int    `json:"code"`
		Reason  string `json:"reason"`
		Message string `json:"message"`
	}
	chatPresenceData struct {
		Chat   string `json:"chat"`
		Sender string `json:"sender"`
		State  string `json:"state"`
		Media  string `json:"media"`
	}
	pushNameData struct {
		JID    string `json:"jid"`
		JIDAlt string `json:"jid_alt,omitempty"`
		Name   string `json:"name"`
	}
	offlineSyncedData struct {
		Count int `json:"count"`
	}
	lidMappingData struct {
		LID string `json:"lid"`
		PN  string `json:"pn"`
	}
)

// handle is whatsmeow's event handler. Its result says whether the stanza may
// be acknowledged to WhatsApp. A panic counts as a failure; whatsmeow itself
// would take it for a success (client.go: dispatchEvent).
func (s *session) handle(event any) (stored bool) {
	defer func() {
		if cause := recover(); cause != nil {
			s.log.Error("event handler panicked", "event", fmt.Sprintf("%T", event),
				"cause", scrub(fmt.Sprint(cause)), "stack", string(debug.Stack()))
			stored = false
		}
	}()
	conn := s.current()
	if conn == nil {
		return false
	}
	switch event := event.(type) {
	case *events.Message:
		return s.onMessage(conn, event)
	case *events.Receipt:
		return s.onReceipt(conn, event)
	case *events.UndecryptableMessage:
		return s.onUndecryptable(conn, event)
	case *events.ChatPresence:
		s.emit("chat_presence", chatPresenceData{
			event.Chat.String(), event.Sender.String(), string(event.State), string(event.Media),
		})
	case *events.PushName:
		s.emit("push_name", pushNameData{event.JID.String(), event.JIDAlt.String(), event.NewPushName})
	case *events.JoinedGroup, *events.GroupInfo:
		s.onGroupChange(event)
	case *events.OfflineSyncCompleted:
		s.emit("offline_synced", offlineSyncedData{event.Count})
	default:
		s.onConnection(conn, event)
	}
	return true
}

// onConnection handles the events of linking and of the connection's life.
func (s *session) onConnection(conn *connection, event any) {
	switch event := event.(type) {
	case *events.QR:
		go s.rotate(conn, event.Codes)
	case *events.PairPasskeyRequest:
		conn.qr.halt() // scanned: the codes' secret is no longer valid, and the ceremony may take minutes
		s.emit("passkey_request", passkeyRequestData{event.PublicKey})
	case *events.PairPasskeyConfirmation:
		s.emit("passkey_confirmation", passkeyConfirmationData{event.Code, event.SkipHandoffUX})
	case *events.PairPasskeyError:
		s.emit("passkey_error", passkeyErrorData{errText(event.Error), event.Continuation})
	case *events.PairSuccess:
		conn.qr.halt()
		s.setJID(event.ID)
		s.emit("paired", pairedData{event.ID.String(), event.LID.String(), event.Platform, event.BusinessName})
		// The request to log in anew can be lost when WhatsApp closes the socket
		// right after it; whatsmeow then waits for ever.
		time.AfterFunc(pairedWait, func() { s.relogin(conn) })
	case *events.PairError:
		s.finish(conn, "pair_error", pairErrorData{errText(event.Error)})
	case *events.ManualLoginReconnect:
		go s.relogin(conn)
	case *events.Connected:
		conn.ready.Store(true)
		s.emit("connected", s.identity())
	case *events.Disconnected:
		if conn.end() {
			conn.cancel()
			s.emit("disconnected", disconnectedData{Reason: "closed"})
		}
	case *events.KeepAliveTimeout:
		if event.ErrorCount >= keepAliveFailures {
			go s.drop(conn, "keepalive", "")
		}
	case *events.StreamError:
		go s.drop(conn, "stream_error", event.Code)
	case *events.LoggedOut:
		s.onLoggedOut(conn, event)
	case *events.StreamReplaced:
		s.finish(conn, "stream_replaced", empty{})
	case *events.ClientOutdated:
		s.finish(conn, "client_outdated", empty{})
	case *events.TemporaryBan:
		s.finish(conn, "temporary_ban", temporaryBanData{int(event.Code), event.Code.String(), event.Expire.Milliseconds()})
	case *events.ConnectFailure:
		s.finish(conn, "connect_failure", connectFailureData{int(event.Reason), event.Reason.String(), event.Message})
	case *events.CATRefreshError:
		s.finish(conn, "connect_failure", connectFailureData{Reason: "token refresh", Message: errText(event.Error)})
	}
}

// finish tells Prosa why a connection is over and closes it.
func (s *session) finish(conn *connection, name string, data any) {
	if !conn.end() {
		return
	}
	s.emit(name, data)
	go func() {
		s.client.Disconnect()
		conn.cancel()
	}()
}

// onLoggedOut makes sure that the device is gone from the store before Prosa
// hears of it: whatsmeow deletes it beside this event, not before.
func (s *session) onLoggedOut(conn *connection, event *events.LoggedOut) {
	if !conn.end() {
		return
	}
	jid := s.linkedJID()
	s.setJID(types.EmptyJID)
	if err := s.bridge.store.forget(s.ctx, jid); err != nil {
		s.log.Error("cannot delete the device", "error", scrub(err.Error()))
	}
	data := loggedOutData{event.Reason.String(), int(event.Reason), event.OnConnect}
	if !event.OnConnect {
		data.Reason = "device_removed"
	}
	s.emit("logged_out", data)
	go func() {
		s.client.Disconnect()
		conn.cancel()
	}()
}

// emit sends an event that needs no answer.
func (s *session) emit(name string, data any) {
	s.send(name, 0, data)
}

// send sends an event, with its number where it needs an answer; false where that
// failed. Nothing is logged of a stream that is closed: the process ends with it.
func (s *session) send(name string, seq uint64, data any) bool {
	err := s.bridge.stream.Send(eventFrame{Event: name, Session: s.name, Seq: seq, Data: data})
	if err != nil && !errors.Is(err, errStreamClosed) {
		s.log.Error("cannot send event", "event", name, "error", err.Error())
	}
	return err == nil
}

// deliver sends an event and waits until Prosa says whether it stored it. It is
// false when Prosa did not, when the stream or the connection ends first, or
// when the event cannot be sent. One event of a session waits at a time.
func (s *session) deliver(conn *connection, name string, data any) bool {
	s.events.Lock()
	defer s.events.Unlock()
	answer := make(chan bool, 1)
	seq := s.bridge.acks.open(conn, func(stored bool) { answer <- stored })
	defer s.bridge.acks.drop(seq)
	sent := false
	conn.tell(func() { sent = s.send(name, seq, data) })
	if !sent {
		return false
	}
	select {
	case stored := <-answer:
		return stored
	case <-s.bridge.stream.done:
		return false
	case <-conn.ctx.Done():
		return false
	}
}

// millis is a time in milliseconds since the Unix epoch, 0 if there is none.
func millis(when time.Time) int64 {
	if when.IsZero() || when.Unix() == 0 {
		return 0
	}
	return when.UnixMilli()
}
