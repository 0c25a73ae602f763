// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

func TestFramesGoThereAndBack(t *testing.T) {
	var buffer bytes.Buffer
	for _, text := range []string{`{}`, `{"a":"ü"}`, strings.Repeat("x", 70_000)} {
		if err := writeFrame(&buffer, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got := binary.BigEndian.Uint32(buffer.Bytes()[:4]); int(got) != len(text) {
			t.Fatalf("length %d, want %d", got, len(text))
		}
		body, err := readFrame(&buffer)
		if err != nil || string(body) != text {
			t.Fatalf("got %.20q, %v", body, err)
		}
	}
	if _, err := readFrame(&buffer); !errors.Is(err, io.EOF) {
		t.Fatalf("end: %v", err)
	}
}

func TestBadFramesAreErrors(t *testing.T) {
	for name, data := range map[string][]byte{
		"too large":        {0x01, 0x00, 0x00, 0x01},
		"length cut short": {0, 0},
		"body cut short":   {0, 0, 0, 5, 'a'},
	} {
		if body, err := readFrame(bytes.NewReader(data)); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: got %q, %v", name, body, err)
		}
	}
}

func TestSendRefusesWhatDoesNotFit(t *testing.T) {
	s, _ := newPeer(t)
	if err := s.Send(strings.Repeat("x", maxFrame)); !errors.Is(err, errFrameTooLarge) {
		t.Fatalf("got %v", err)
	}
}

func TestSendBlocksAndDropsNothingWhileProsaDoesNotRead(t *testing.T) {
	s, p := newPeer(t)
	const total = writeQueue + 50
	large := strings.Repeat("e", 4096) // so that few fit into the writer's buffer
	sent := make(chan int, total)
	go func() {
		for i := range total {
			if s.Send(eventFrame{Event: large, Seq: uint64(i + 1)}) != nil {
				return
			}
			sent <- i
		}
		close(sent)
	}()
	time.Sleep(briefly)
	if len(sent) == total {
		t.Fatal("the queue has no bound")
	}
	for i := range total {
		if frame := p.read(); frame["seq"] != float64(i+1) {
			t.Fatalf("frame %d: %v", i, frame)
		}
	}
}

func TestClosedStreamFailsSenders(t *testing.T) {
	s, _ := newPeer(t)
	failed := make(chan error)
	go func() {
		for {
			if err := s.Send(empty{}); err != nil {
				failed <- err
				return
			}
		}
	}()
	time.Sleep(briefly)
	s.Close()
	if err := soon(t, failed); !errors.Is(err, errStreamClosed) {
		t.Fatalf("got %v", err)
	}
}
