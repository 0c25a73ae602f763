// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/encoding/protojson"
)

const (
	// defaultSendTimeout is `timeout_ms` of `send` when it is left out.
	defaultSendTimeout = 20 * time.Second
	// sendTries are the attempts to encrypt a message whose sessions moved meanwhile (sessionguard.go).
	sendTries = 5
)

type sendParams struct {
	To        string          `json:"to"`
	ID        string          `json:"id"`
	Message   json.RawMessage `json:"message"`
	TimeoutMS int64           `json:"timeout_ms"`
}

type sendResult struct {
	Timestamp int64  `json:"timestamp"`
	Sender    string `json:"sender"`
	ServerID  int    `json:"server_id,omitempty"`
}

// parseMessage reads a waE2E.Message in protobuf's JSON form.
func parseMessage(raw json.RawMessage) (*waE2E.Message, error) {
	message := &waE2E.Message{}
	if len(raw) == 0 {
		return nil, newError(codeBadRequest, "no message")
	}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(raw, message); err != nil {
		return nil, newError(codeBadRequest, "bad message: %v", err)
	}
	return message, nil
}

func (b *bridge) send(ctx context.Context, s *session, raw json.RawMessage) (any, error) {
	params, err := decode[sendParams](raw)
	if err != nil {
		return nil, err
	}
	to, err := parseJID(params.To)
	if err != nil {
		return nil, err
	}
	if params.ID == "" {
		return nil, newError(codeBadRequest, "no message id")
	}
	message, err := parseMessage(params.Message)
	if err != nil {
		return nil, err
	}
	if err := s.requireOnline(); err != nil {
		return nil, err
	}
	timeout := defaultSendTimeout
	if params.TimeoutMS > 0 {
		timeout = time.Duration(params.TimeoutMS) * time.Millisecond
	}
	// The timeout covers all of it: waiting for earlier sends of this session,
	// fetching devices and prekeys, and the server's answer.
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	response, err := s.sendMessage(ctx, to.ToNonAD(), message, whatsmeow.SendRequestExtra{
		ID: params.ID, Timeout: timeout,
	})
	if err != nil {
		return nil, err
	}
	s.nameGroup(s.current(), to)
	return sendResult{millis(response.Timestamp), response.Sender.String(), int(response.ServerID)}, nil
}

// sendMessage sends, and begins anew while the recipient's sessions move under the encryption.
func (s *session) sendMessage(
	ctx context.Context, to types.JID, message *waE2E.Message, extra whatsmeow.SendRequestExtra,
) (response whatsmeow.SendResponse, err error) {
	for range sendTries {
		marked, end := withSend(ctx, s.device)
		response, err = s.client.SendMessage(marked, to, message, extra)
		end()
		if !errors.Is(err, errSessionsMoved) {
			break
		}
	}
	if to.Server == types.GroupServer && errors.Is(err, whatsmeow.ErrServerReturnedError) {
		// whatsmeow still knew members, so it is the server that says so.
		switch trailingNumber(err.Error()) {
		case http.StatusForbidden:
			err = newError(codeNotInGroup, "this number is not in the group any more")
		case http.StatusNotFound:
			err = newError(codeNotInGroup, "there is no such group any more")
		}
	}
	return response, err
}

type typingParams struct {
	To    string `json:"to"`
	State string `json:"state"`
	Media string `json:"media"`
}

func (b *bridge) typing(ctx context.Context, s *session, raw json.RawMessage) (any, error) {
	params, err := decode[typingParams](raw)
	if err != nil {
		return nil, err
	}
	to, err := parseJID(params.To)
	if err != nil {
		return nil, err
	}
	state := types.ChatPresence(params.State)
	if state != types.ChatPresenceComposing && state != types.ChatPresencePaused {
		return nil, newError(codeBadRequest, "unknown state %q", params.State)
	}
	if err := s.requireOnline(); err != nil {
		return nil, err
	}
	return empty{}, s.client.SendChatPresence(ctx, to.ToNonAD(), state, types.ChatPresenceMedia(params.Media))
}

type presenceParams struct {
	Available bool `json:"available"`
}

func (b *bridge) presence(ctx context.Context, s *session, raw json.RawMessage) (any, error) {
	params, err := decode[presenceParams](raw)
	if err != nil {
		return nil, err
	}
	if err := s.requireOnline(); err != nil {
		return nil, err
	}
	state := types.PresenceUnavailable
	if params.Available {
		state = types.PresenceAvailable
	}
	return empty{}, s.client.SendPresence(ctx, state)
}

type markReadParams struct {
	Chat      string   `json:"chat"`
	Sender    string   `json:"sender"`
	IDs       []string `json:"ids"`
	Timestamp int64    `json:"timestamp"`
	Played    bool     `json:"played"`
}

func (b *bridge) markRead(ctx context.Context, s *session, raw json.RawMessage) (any, error) {
	params, err := decode[markReadParams](raw)
	if err != nil {
		return nil, err
	}
	chat, err := parseJID(params.Chat)
	if err != nil {
		return nil, err
	}
	var sender types.JID
	if params.Sender != "" {
		if sender, err = parseJID(params.Sender); err != nil {
			return nil, err
		}
	}
	if len(params.IDs) == 0 {
		return nil, newError(codeBadRequest, "no message ids")
	}
	if err := s.requireOnline(); err != nil {
		return nil, err
	}
	when := time.Now()
	if params.Timestamp > 0 {
		when = time.UnixMilli(params.Timestamp)
	}
	receipt := types.ReceiptTypeRead
	if params.Played {
		receipt = types.ReceiptTypePlayed
	}
	return empty{}, s.client.MarkRead(ctx, params.IDs, when, chat.ToNonAD(), sender, receipt)
}

type resolveParams struct {
	Phones []string `json:"phones"`
}

type resolvedUser struct {
	Phone      string `json:"phone"`
	OnWhatsApp bool   `json:"on_whatsapp"`
	JID        string `json:"jid"`
	LID        string `json:"lid"`
}

type resolveResult struct {
	Users []resolvedUser `json:"users"`
}

func (b *bridge) resolve(ctx context.Context, s *session, raw json.RawMessage) (any, error) {
	params, err := decode[resolveParams](raw)
	if err != nil {
		return nil, err
	}
	queries := make([]string, 0, len(params.Phones))
	for _, phone := range params.Phones {
		if digits(phone) == "" {
			return nil, newError(codeBadRequest, "not a phone number: %q", phone)
		}
		queries = append(queries, "+"+digits(phone))
	}
	if err := s.requireOnline(); err != nil {
		return nil, err
	}
	result := resolveResult{Users: make([]resolvedUser, 0, len(queries))}
	if len(queries) == 0 {
		return result, nil
	}
	found, err := s.client.IsOnWhatsApp(ctx, queries)
	if err != nil {
		return nil, err
	}
	for _, phone := range params.Phones {
		user := resolvedUser{Phone: phone}
		for _, answer := range found {
			if answer.IsIn && digits(answer.Query) == digits(phone) {
				user.OnWhatsApp = true
				user.take(answer.JID)
				user.take(answer.PhoneNumber)
			}
		}
		result.Users = append(result.Users, user)
	}
	return result, nil
}

// take keeps a JID as the user's LID or phone number.
func (u *resolvedUser) take(jid types.JID) {
	switch jid.Server {
	case types.HiddenUserServer:
		u.LID = jid.String()
	case types.DefaultUserServer:
		u.JID = jid.String()
	}
}

func digits(text string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
}

type alternateParams struct {
	JID string `json:"jid"`
}

type alternateResult struct {
	JID string `json:"jid"`
}

func (b *bridge) alternate(ctx context.Context, _ *session, raw json.RawMessage) (any, error) {
	params, err := decode[alternateParams](raw)
	if err != nil {
		return nil, err
	}
	jid, err := parseJID(params.JID)
	if err != nil {
		return nil, err
	}
	other, err := b.store.alternate(ctx, jid)
	if err != nil {
		return nil, newError(codeStore, "read the mapping: %s", scrub(err.Error()))
	}
	return alternateResult{other.String()}, nil
}
