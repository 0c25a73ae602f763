"""What happened, as data: the closed union of events, the log, wake-ups, the WebSocket."""
