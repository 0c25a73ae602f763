"""Why a call of the engine failed."""

from enum import StrEnum


class EngineErrorCode(StrEnum):
    """Why an engine call failed; docs/bridge-protocol.md explains each."""

    BAD_REQUEST = "bad_request"
    UNKNOWN_METHOD = "unknown_method"
    UNKNOWN_SESSION = "unknown_session"
    ALREADY_OPEN = "already_open"
    DEVICE_NOT_FOUND = "device_not_found"
    NOT_CONNECTED = "not_connected"
    NOT_LINKED = "not_linked"
    ALREADY_LINKED = "already_linked"
    NOT_READY = "not_ready"
    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"
    REJECTED = "rejected"
    RECIPIENT_UNKNOWN = "recipient_unknown"
    NOT_IN_GROUP = "not_in_group"
    MEDIA_GONE = "media_gone"
    MEDIA_INVALID = "media_invalid"
    MEDIA_PATH = "media_path"
    PAIRING_REFUSED = "pairing_refused"
    PASSKEY_FAILED = "passkey_failed"
    STORE = "store"
    INTERNAL = "internal"
    ENGINE_DOWN = "engine_down"
    """The engine's process is away; it is restarted by itself."""

    @property
    def temporary(self) -> bool:
        """Whether the same call may succeed later without anybody doing anything."""
        return self in {
            EngineErrorCode.NOT_CONNECTED,
            EngineErrorCode.NOT_READY,
            EngineErrorCode.TIMEOUT,
            EngineErrorCode.RATE_LIMITED,
            EngineErrorCode.UNKNOWN_SESSION,
            EngineErrorCode.STORE,
            EngineErrorCode.INTERNAL,
            EngineErrorCode.ENGINE_DOWN,
        }


class EngineError(Exception):
    """An engine call failed.

    Attributes:
        code: Why, for programs.
        message: Why, for a person; never holds message bodies or keys.
    """

    def __init__(self, code: EngineErrorCode, message: str) -> None:
        super().__init__(f"{code.value}: {message}")
        self.code = code
        self.message = message
