"""What Prometheus sees of the numbers that this process holds."""

from collections import Counter as Tally

from prometheus_client import Counter, Gauge

from prosa.sessions.state import SessionStatus

SESSIONS = Gauge("prosa_sessions", "Numbers held, by status.", ["status"], multiprocess_mode="livesum")
DISCONNECTS = Counter("prosa_session_disconnects", "Ends of connections, by reason.", ["reason"])
LEASES_LOST = Counter("prosa_session_leases_lost", "Numbers given up because their lease could not be renewed.")


class StatusGauge:
    """Keeps the gauge in step with a gateway's numbers."""

    def __init__(self) -> None:
        self._status: dict[str, SessionStatus] = {}

    def set(self, session_id: str, status: SessionStatus) -> None:
        """Take note of a number's status."""
        if self._status.get(session_id) is not status:
            self._status[session_id] = status
            self._show()

    def remove(self, session_id: str) -> None:
        """Take note that this process no longer holds a number."""
        if self._status.pop(session_id, None) is not None:
            self._show()

    def _show(self) -> None:
        tally = Tally(self._status.values())
        for status in SessionStatus:
            SESSIONS.labels(status.value).set(tally[status])
