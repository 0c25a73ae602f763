// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// messageInfo is the `info` of docs/bridge-protocol.md, "Events".
type messageInfo struct {
	ID             string `json:"id"`
	Chat           string `json:"chat"`
	Sender         string `json:"sender"`
	SenderAlt      string `json:"sender_alt"`
	RecipientAlt   string `json:"recipient_alt"`
	IsFromMe       bool   `json:"is_from_me"`
	IsGroup        bool   `json:"is_group"`
	AddressingMode string `json:"addressing_mode"`
	PushName       string `json:"push_name"`
	Timestamp      int64  `json:"timestamp"`
	Type           string `json:"type"`
	MediaType      string `json:"media_type"`
	Category       string `json:"category"`
	Edit           string `json:"edit"`
	BroadcastOwner string `json:"broadcast_owner,omitempty"`
	Destination    string `json:"destination,omitempty"`
}

type messageData struct {
	Info       messageInfo     `json:"info"`
	Message    json.RawMessage `json:"message"`
	ViewOnce   bool            `json:"view_once,omitempty"`
	Ephemeral  bool            `json:"ephemeral,omitempty"`
	RetryCount int             `json:"retry_count"`
}

type undecryptableData struct {
	Info   messageInfo `json:"info"`
	Reason string      `json:"reason"`
}

type receiptData struct {
	Type      string   `json:"type"`
	Chat      string   `json:"chat"`
	ChatAlt   string   `json:"chat_alt,omitempty"`
	Sender    string   `json:"sender"`
	IDs       []string `json:"ids"`
	Timestamp int64    `json:"timestamp"`
	IsFromMe  bool     `json:"is_from_me"`
	IsGroup   bool     `json:"is_group"`
}

// receiptTypes names whatsmeow's receipt types (types/presence.go) for Prosa. A
// retry receipt is left out: whatsmeow answers it by itself.
var receiptTypes = map[types.ReceiptType]string{
	types.ReceiptTypeDelivered:   "delivered",
	types.ReceiptTypeInactive:    "delivered", // by a device that is not in the foreground
	types.ReceiptTypeRead:        "read",
	types.ReceiptTypePlayed:      "played",
	types.ReceiptTypeReadSelf:    "read_self",
	types.ReceiptTypeSender:      "sender",
	types.ReceiptTypeServerError: "server_error",
}

func (s *session) onMessage(conn *connection, event *events.Message) bool {
	info := &event.Info
	read, known := s.plaintextOf(event)
	if event.Message == nil || s.isOwnEcho(info) || isInternal(info, event.Message) {
		return true
	}
	s.openSecret(conn, event)
	message, err := encodeMessage(event.Message)
	if err != nil {
		s.log.Error("cannot encode message", "id", info.ID, "error", scrub(err.Error()))
		return false
	}
	s.completeSource(conn, &info.MessageSource)
	data := messageData{
		Info: describe(info), Message: message, RetryCount: event.RetryCount,
		ViewOnce: event.IsViewOnce, Ephemeral: event.IsEphemeral,
	}
	if known {
		s.deliverAlongside(conn, event, read, data)
		return false // whatsmeow must not receipt it: that comes once it is stored
	}
	stored := s.deliver(conn, "message", data)
	if stored {
		s.nameGroup(conn, info.Chat)
	}
	return stored
}

func (s *session) onUndecryptable(conn *connection, event *events.UndecryptableMessage) bool {
	if event.DecryptFailMode == events.DecryptFailHide || s.isOwnEcho(&event.Info) || event.Info.Category == "peer" {
		return true // a reaction, an edit, …: clients show no placeholder for these
	}
	reason := "decryption_failed"
	if event.UnavailableType != events.UnavailableTypeUnknown {
		reason = string(event.UnavailableType)
	} else if event.IsUnavailable {
		reason = "unavailable"
	}
	s.completeSource(conn, &event.Info.MessageSource)
	return s.deliver(conn, "undecryptable", undecryptableData{describe(&event.Info), reason})
}

func (s *session) onReceipt(conn *connection, event *events.Receipt) bool {
	if event.Type == types.ReceiptTypeRetry {
		return true
	}
	kind, known := receiptTypes[event.Type]
	if !known {
		kind = "other"
	}
	s.completeSource(conn, &event.MessageSource)
	alt := event.SenderAlt
	if event.IsFromMe {
		alt = event.RecipientAlt
	}
	if event.IsGroup {
		alt = types.EmptyJID
	}
	data := receiptData{
		Type: kind, Chat: event.Chat.String(), ChatAlt: alt.ToNonAD().String(), Sender: event.Sender.String(),
		IDs: event.MessageIDs, Timestamp: millis(event.Timestamp), IsFromMe: event.IsFromMe, IsGroup: event.IsGroup,
	}
	if canWait(event) {
		s.deliverLater(conn, event, data)
		return false // whatsmeow must not acknowledge it: that comes once it is stored
	}
	return s.deliver(conn, "receipt", data)
}

// isOwnEcho says whether a message was sent by this very device.
func (s *session) isOwnEcho(info *types.MessageInfo) bool {
	return info.IsFromMe && info.Sender.Device != 0 && info.Sender.Device == s.linkedJID().Device
}

// isInternal says whether a message is one between devices, with nothing for
// Prosa in it: keys and history from the phone (category "peer"; may hold
// secrets), and the part of a group message that only hands over the sender's
// key. The latter has the id of the message whose content follows it.
func isInternal(info *types.MessageInfo, message *waE2E.Message) bool {
	if info.Category == "peer" {
		return true
	}
	hasKey, hasContent := false, false
	message.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		switch field.Name() {
		case "senderKeyDistributionMessage", "fastRatchetKeySenderKeyDistributionMessage":
			hasKey = true
		case "messageContextInfo":
		default:
			hasContent = true
		}
		return true
	})
	return hasKey && !hasContent
}

// openSecret replaces an edit or reaction that is encrypted a second time, with
// the secret of the message it belongs to, by its content. If that message is
// not known, the event stays as it is.
func (s *session) openSecret(conn *connection, event *events.Message) {
	var opened *waE2E.Message
	var err error
	switch {
	case event.Message.GetSecretEncryptedMessage() != nil:
		opened, err = s.client.DecryptSecretEncryptedMessage(conn.ctx, event)
	case event.Message.GetEncReactionMessage() != nil:
		var reaction *waE2E.ReactionMessage
		if reaction, err = s.client.DecryptReaction(conn.ctx, event); err == nil {
			reaction.Key = event.Message.GetEncReactionMessage().GetTargetMessageKey()
			opened = &waE2E.Message{ReactionMessage: reaction}
		}
	default:
		return
	}
	if err != nil {
		s.log.Warn("cannot open a message encrypted with another's secret", "id", event.Info.ID, "error", scrub(err.Error()))
		return
	}
	event.Message = opened
}

// completeSource fills in the other form (LID ↔ phone number) of the people of
// a stanza from the store, and tells Prosa about pairs it has not seen.
func (s *session) completeSource(conn *connection, source *types.MessageSource) {
	if source.SenderAlt.IsEmpty() {
		if source.SenderAlt = s.lookUp(conn, source.Sender); !source.SenderAlt.IsEmpty() {
			source.SenderAlt.Device = source.Sender.Device // as whatsmeow does (message.go: parseMessageSource)
		}
	}
	if source.IsFromMe && !source.IsGroup && source.RecipientAlt.IsEmpty() {
		source.RecipientAlt = s.lookUp(conn, source.Chat)
	}
	s.announce(source.Sender, source.SenderAlt)
	if source.IsFromMe {
		s.announce(source.Chat, source.RecipientAlt)
	}
}

func (s *session) lookUp(conn *connection, jid types.JID) types.JID {
	other, err := s.bridge.store.alternate(conn.ctx, jid)
	if err != nil {
		s.log.Warn("cannot look up the other form of a JID", "error", scrub(err.Error()))
	}
	return other
}

// announcedPairs bounds the memory of pairs already told, which only saves repetitions.
const announcedPairs = 4096

func (s *session) announce(one, other types.JID) {
	lid, pn := one.ToNonAD(), other.ToNonAD()
	if lid.Server == types.DefaultUserServer {
		lid, pn = pn, lid
	}
	if lid.Server != types.HiddenUserServer || pn.Server != types.DefaultUserServer {
		return
	}
	s.mu.Lock()
	told := s.known[lid] == pn
	if len(s.known) >= announcedPairs {
		clear(s.known)
	}
	s.known[lid] = pn
	s.mu.Unlock()
	if !told {
		s.emit("lid_mapping", lidMappingData{lid.String(), pn.String()})
	}
}

func describe(info *types.MessageInfo) messageInfo {
	described := messageInfo{
		ID: info.ID, Chat: info.Chat.String(), Sender: info.Sender.String(),
		SenderAlt: info.SenderAlt.String(), RecipientAlt: info.RecipientAlt.String(),
		IsFromMe: info.IsFromMe, IsGroup: info.IsGroup, AddressingMode: string(info.AddressingMode),
		PushName: info.PushName, Timestamp: millis(info.Timestamp), Type: info.Type, MediaType: info.MediaType,
		Category: info.Category, Edit: string(info.Edit), BroadcastOwner: info.BroadcastListOwner.String(),
	}
	if info.DeviceSentMeta != nil {
		described.Destination = info.DeviceSentMeta.DestinationJID
	}
	return described
}

// deepest is how many messages may lie inside one another: many more than any
// app makes, and few enough for whoever reads the JSON. What lies deeper, which
// only somebody who means harm sends, is cut off.
const deepest = 60

// encodeMessage writes a message as protobuf JSON. Text that is not UTF-8,
// which a sender can put into a message but JSON cannot hold, is mended.
func encodeMessage(message *waE2E.Message) (json.RawMessage, error) {
	if isDeeper(message.ProtoReflect(), deepest) {
		message = proto.Clone(message).(*waE2E.Message)
		cutBelow(message.ProtoReflect(), deepest)
	}
	options := protojson.MarshalOptions{AllowPartial: true}
	encoded, err := options.Marshal(message)
	if err != nil {
		mended := proto.Clone(message)
		mendText(mended.ProtoReflect())
		encoded, err = options.Marshal(mended)
	}
	if err != nil {
		return nil, fmt.Errorf("encode message: %w", err)
	}
	return encoded, nil
}

// isDeeper says whether more messages than so many lie inside one another.
func isDeeper(message protoreflect.Message, levels int) bool {
	deeper := false
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		forEachInside(field, value, func(inside protoreflect.Message) {
			deeper = deeper || levels == 0 || isDeeper(inside, levels-1)
		})
		return !deeper
	})
	return deeper
}

// cutBelow removes what lies deeper than so many levels.
func cutBelow(message protoreflect.Message, levels int) {
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if levels == 0 && hasMessages(field) {
			message.Clear(field)
			return true
		}
		forEachInside(field, value, func(inside protoreflect.Message) { cutBelow(inside, levels-1) })
		return true
	})
}

func hasMessages(field protoreflect.FieldDescriptor) bool {
	if field.IsMap() {
		return field.MapValue().Message() != nil
	}
	return field.Message() != nil
}

// forEachInside visits the messages that a field of a message holds.
func forEachInside(field protoreflect.FieldDescriptor, value protoreflect.Value, visit func(protoreflect.Message)) {
	switch {
	case !hasMessages(field):
	case field.IsMap():
		value.Map().Range(func(_ protoreflect.MapKey, item protoreflect.Value) bool {
			visit(item.Message())
			return true
		})
	case field.IsList():
		list := value.List()
		for i := range list.Len() {
			visit(list.Get(i).Message())
		}
	default:
		visit(value.Message())
	}
}

// mendText replaces invalid UTF-8 in all texts of a message and of those inside it.
func mendText(message protoreflect.Message) {
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsMap():
			// waE2E.Message has maps with numbers for keys at most; their values are mended below.
			value.Map().Range(func(_ protoreflect.MapKey, item protoreflect.Value) bool {
				if field.MapValue().Message() != nil {
					mendText(item.Message())
				}
				return true
			})
		case field.IsList():
			list := value.List()
			for i := range list.Len() {
				switch {
				case field.Message() != nil:
					mendText(list.Get(i).Message())
				case field.Kind() == protoreflect.StringKind:
					list.Set(i, mendedText(list.Get(i)))
				}
			}
		case field.Message() != nil:
			mendText(value.Message())
		case field.Kind() == protoreflect.StringKind:
			message.Set(field, mendedText(value))
		}
		return true
	})
}

func mendedText(value protoreflect.Value) protoreflect.Value {
	return protoreflect.ValueOfString(strings.ToValidUTF8(value.String(), "\uFFFD"))
}
