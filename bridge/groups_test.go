// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"testing"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
)

func TestGroupsThatChangeTellTheirNames(t *testing.T) {
	b, p := newTestBridge(t)
	s := newTestSession(t, b, "s")
	family := types.NewJID("120363000000000001", types.GroupServer)
	joined := &events.JoinedGroup{GroupInfo: types.GroupInfo{JID: family, GroupName: types.GroupName{Name: "Family"}}}
	renamed := &events.GroupInfo{JID: family, Name: &types.GroupName{Name: "Cousins"}}
	for name, event := range map[string]any{"Family": joined, "Cousins": renamed} {
		result := handleAsync(s, event)
		frame := p.read()
		data := frame["data"].(map[string]any)
		if frame["event"] != "group_name" || data["jid"] != family.String() || data["name"] != name {
			t.Fatalf("got %v", frame)
		}
		if !soon(t, result) {
			t.Fatal("the change is not acknowledged")
		}
	}
	if !soon(t, handleAsync(s, &events.GroupInfo{JID: family, Join: []types.JID{customerLID}})) {
		t.Fatal("a change of members is not acknowledged")
	}
	p.quiet()
}

func TestAGroupsNameIsAskedOnceOnAConnection(t *testing.T) {
	b, _ := newTestBridge(t)
	s := newTestSession(t, b, "s")
	family := types.NewJID("120363000000000001", types.GroupServer)
	s.naming.Lock() // nobody gets to ask
	defer s.naming.Unlock()
	s.nameGroup(s.conn, customerPN)
	s.nameGroup(s.conn, family)
	s.nameGroup(s.conn, family)
	if len(s.groups) != 1 || s.groups[family] != s.conn {
		t.Fatalf("got %v", s.groups)
	}
	another := &connection{ctx: s.ctx}
	s.nameGroup(another, family)
	if s.groups[family] != another {
		t.Fatal("what a connection could not say is not asked on the next")
	}
	s.groups[family] = nil // told
	s.nameGroup(s.conn, family)
	if s.groups[family] != nil {
		t.Fatal("asked again after it was told")
	}
}
