// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
)

// namedGroups bounds the memory of groups whose names were told, which only saves repetitions.
const namedGroups = 4096

type groupNameData struct {
	JID  string `json:"jid"`
	Name string `json:"name"`
}

// nameGroup tells a group's name once in the life of the session: messages do
// not carry it. It is asked beside what is going on, after Prosa has the
// message. Where WhatsApp does not say it, it is asked again on another
// connection.
func (s *session) nameGroup(conn *connection, chat types.JID) {
	if conn == nil || chat.Server != types.GroupServer {
		return
	}
	s.mu.Lock()
	asked, known := s.groups[chat]
	if known && (asked == nil || asked == conn) {
		s.mu.Unlock()
		return
	}
	if len(s.groups) >= namedGroups {
		clear(s.groups)
	}
	s.groups[chat] = conn
	s.mu.Unlock()
	go func() {
		s.naming.Lock() // after a long absence many groups come at once
		defer s.naming.Unlock()
		info, err := s.client.GetGroupInfo(conn.ctx, chat)
		if err != nil {
			s.log.Warn("cannot ask for a group's name", "error", scrub(err.Error()))
			return
		}
		s.mu.Lock()
		s.groups[chat] = nil
		s.mu.Unlock()
		s.tellGroup(chat, info.Name)
	}()
}

// onGroupChange tells the names of groups that this account came into or that
// were renamed. Prosa may not know such a group yet: its first message asks again.
func (s *session) onGroupChange(event any) {
	switch event := event.(type) {
	case *events.JoinedGroup:
		s.tellGroup(event.JID, event.Name)
	case *events.GroupInfo:
		if event.Name != nil {
			s.tellGroup(event.JID, event.Name.Name)
		}
	}
}

func (s *session) tellGroup(chat types.JID, name string) {
	if name != "" {
		s.emit("group_name", groupNameData{chat.String(), name})
	}
}
