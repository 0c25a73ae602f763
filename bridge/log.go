// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"

	signal "go.mau.fi/libsignal/logger"
	waBinary "go.mau.fi/whatsmeow/binary"
	waLog "go.mau.fi/whatsmeow/util/log"
)

// newLogger writes JSON lines {"time", "level", "msg", "session"?, …}.
// level is debug, info, warn or error.
func newLogger(out io.Writer, level string) (*slog.Logger, error) {
	var min slog.Level
	if err := min.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("unknown log level %q", level)
	}
	return slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{
		Level: min,
		ReplaceAttr: func(_ []string, attr slog.Attr) slog.Attr {
			if attr.Key == slog.LevelKey {
				attr.Value = slog.StringValue(strings.ToLower(attr.Value.String()))
			}
			return attr
		},
	})), nil
}

// waLogger passes whatsmeow's log lines on, without the contents of stanzas.
type waLogger struct {
	log *slog.Logger
}

func (l waLogger) Debugf(msg string, args ...any) { l.write(slog.LevelDebug, msg, args) }
func (l waLogger) Infof(msg string, args ...any)  { l.write(slog.LevelInfo, msg, args) }
func (l waLogger) Warnf(msg string, args ...any)  { l.write(slog.LevelWarn, msg, args) }
func (l waLogger) Errorf(msg string, args ...any) { l.write(slog.LevelError, msg, args) }

// Sub leaves out the loggers that print every stanza (client.go: recvLog, sendLog).
func (l waLogger) Sub(module string) waLog.Logger {
	if module == "Recv" || module == "Send" {
		return waLog.Noop
	}
	return waLogger{l.log.With("module", module)}
}

// handlerSaidNo is whatsmeow's line for each message whose handler returned
// false (message.go: decryptMessages): nothing to warn of, see alongside.go.
const handlerSaidNo = "Handler for %s failed"

func (l waLogger) write(level slog.Level, msg string, args []any) {
	if msg == handlerSaidNo {
		level = slog.LevelDebug
	}
	if !l.log.Enabled(context.Background(), level) || strings.Contains(msg, "frame hex") {
		return
	}
	for i, arg := range args {
		switch node := arg.(type) {
		case *waBinary.Node:
			args[i] = "<" + node.Tag + "/>"
		case waBinary.Node:
			args[i] = "<" + node.Tag + "/>"
		}
	}
	l.log.Log(context.Background(), level, scrub(fmt.Sprintf(msg, args...)))
}

// silentSignal turns libsignal's own logger off: it prints ciphertexts to the
// standard output, and all its errors are returned as well.
type silentSignal struct{}

func (silentSignal) Debug(_, _ string)   {}
func (silentSignal) Info(_, _ string)    {}
func (silentSignal) Warning(_, _ string) {}
func (silentSignal) Error(_, _ string)   {}
func (silentSignal) Configure(string)    {}

func silenceSignal() {
	var logger signal.Loggable = silentSignal{}
	signal.Setup(&logger)
}
