"""Forms that texts of the API must have, each once: as a regular expression for the API's document, and in words."""

from typing import Final

NO_NUL: Final = r"^[^\x00]*$"
"""PostgreSQL stores no NUL in a text (https://www.postgresql.org/docs/current/datatype-character.html)."""
NAMED: Final = r"^[^\x00/]+$"
"""The public name of a number where one is looked up: wider than `SESSION_ID`, so that a wrong one is "not found"."""
SESSION_ID: Final = r"^[a-z0-9][a-z0-9_-]{0,62}$"
TOOL_NAME: Final = r"^[a-z][a-z0-9_]{0,63}$"
PROVIDER: Final = r"^[a-z][a-z0-9-]*$"
LANGUAGE: Final = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$"
IDEMPOTENCY_KEY: Final = r"^[\x21-\x7e]+$"
HEADER_NAME: Final = r"^[A-Za-z0-9-]{1,100}$"
HEADER_VALUE: Final = r"^[\x20-\x7e]+$"
BASE64URL: Final = r"^[A-Za-z0-9_-]+={0,2}$"
WEB_ADDRESS: Final = r"^https?://[^\s\x00-\x1f]+$"
ASCII_ADDRESS: Final = r"^https?://[!-~]+$"

_ADDRESS = "must begin with http:// or https:// and have no spaces"
IN_WORDS: Final = {
    NO_NUL: "cannot contain the NUL character",
    NAMED: "cannot contain / or the NUL character",
    SESSION_ID: (
        "takes lower-case letters a-z, digits, - and _, begins with a letter or a digit, and has at most 63 of them; "
        "such as shop-1"
    ),
    TOOL_NAME: (
        "takes lower-case letters a-z, digits and _, begins with a letter, and has at most 64 of them; "
        "such as order_status"
    ),
    PROVIDER: "takes lower-case letters a-z, digits and -; such as google",
    LANGUAGE: "must be a language tag, such as pt-BR or en",
    IDEMPOTENCY_KEY: "takes letters, digits and signs of ASCII, without spaces",
    HEADER_NAME: "takes letters, digits and -, at most 100; such as X-Api-Key",
    HEADER_VALUE: "takes letters, digits and signs of ASCII, in one line",
    BASE64URL: "must be Base64 with - and _ (base64url)",
    WEB_ADDRESS: _ADDRESS,
    ASCII_ADDRESS: f"{_ADDRESS}, in ASCII",
}
"""What each form asks for: nobody should need to read a regular expression."""
