// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// maxFrame is the largest frame either side may send, in bytes (docs/bridge-protocol.md, "Transport").
const maxFrame = 16 << 20

// writeQueue is how many frames may wait for Prosa to read them before the
// producers of events and answers block. Nothing is ever dropped.
const writeQueue = 256

var (
	errStreamClosed  = errors.New("the stream to Prosa is closed")
	errFrameTooLarge = fmt.Errorf("frame is larger than %d bytes", maxFrame)
)

// stream is the connection to Prosa: frames of JSON, one writer, many producers.
type stream struct {
	conn  net.Conn
	in    *bufio.Reader
	out   chan []byte
	done  chan struct{}
	close sync.Once
}

// newStream starts the writer of a connection.
func newStream(conn net.Conn) *stream {
	s := &stream{
		conn: conn,
		in:   bufio.NewReaderSize(conn, 64<<10),
		out:  make(chan []byte, writeQueue),
		done: make(chan struct{}),
	}
	go s.writeLoop()
	return s
}

// Close ends the stream; every blocked sender and every wait for an ack ends with it.
func (s *stream) Close() {
	s.close.Do(func() {
		close(s.done)
		_ = s.conn.Close()
	})
}

// Send queues a value as one frame. It blocks while the queue is full and
// fails when the stream is closed or the frame would be too large.
func (s *stream) Send(value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode frame: %w", err)
	}
	if len(body) > maxFrame {
		return errFrameTooLarge
	}
	select {
	case <-s.done:
		return errStreamClosed
	default:
	}
	select {
	case s.out <- body:
		return nil
	case <-s.done:
		return errStreamClosed
	}
}

// Receive reads the next frame's body.
func (s *stream) Receive() ([]byte, error) {
	return readFrame(s.in)
}

func (s *stream) writeLoop() {
	defer s.Close()
	out := bufio.NewWriterSize(s.conn, 64<<10)
	for {
		select {
		case body := <-s.out:
			if writeFrame(out, body) != nil {
				return
			}
		case <-s.done:
			return
		}
		// One flush for all frames that wait: fewer system calls under load.
		if len(s.out) == 0 && out.Flush() != nil {
			return
		}
	}
}

// readFrame reads a 4-byte big-endian length and that many bytes.
func readFrame(r io.Reader) ([]byte, error) {
	var header [4]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(header[:])
	if size > maxFrame {
		return nil, errFrameTooLarge
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return body, nil
}

func writeFrame(w io.Writer, body []byte) error {
	var header [4]byte
	binary.BigEndian.PutUint32(header[:], uint32(len(body)))
	if _, err := w.Write(header[:]); err != nil {
		return err
	}
	_, err := w.Write(body)
	return err
}
