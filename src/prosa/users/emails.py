"""E-mail addresses: what counts as one, and when two are the same."""

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

MAX_CHARACTERS = 254
"""RFC 5321 §4.5.3.1.3, less the angle brackets."""

_STAND_IN = ".home"


def parse_email(text: str) -> str:
    """Return an address in the form it is stored in: normalised and case-folded.

    No mail need ever reach it, so names of a home or office network ("admin@nas.local", "me@localhost") are welcome.

    Raises:
        ValueError: It is not an e-mail address.
    """
    text = text.strip()
    # the library refuses names that never receive mail (RFC 6761), so it sees those as part of another one
    suffix = _STAND_IN if text.rpartition("@")[2].rpartition(".")[2].lower() in SPECIAL_USE_DOMAIN_NAMES else ""
    try:
        parsed = validate_email(text + suffix, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as error:
        raise ValueError("is not an e-mail address, like name@example.com") from error
    address = parsed.normalized.removesuffix(suffix).casefold()
    if len(address) > MAX_CHARACTERS:  # folding can lengthen it
        raise ValueError("is too long for an e-mail address")
    return address


def fold_email(text: str) -> str:
    """Return what a person typed to sign in, as it would be stored; anything goes."""
    try:
        return parse_email(text)
    except ValueError:
        return text.strip().casefold()
