"""Where the tests of this folder find their stage."""

from tests.fixtures.inbox import Inbox

__all__ = ["Inbox"]
