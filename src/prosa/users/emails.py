"""E-mail addresses: what counts as one, and when two are the same."""

from email_validator import EmailNotValidError, validate_email

MAX_CHARACTERS = 254
"""RFC 5321 §4.5.3.1.3, less the angle brackets."""


def parse_email(text: str) -> str:
    """Return an address in the form it is stored in: normalised and case-folded.

    No mail need ever reach it, so names of a home or office network ("admin@nas.local") are welcome too.

    Raises:
        ValueError: It is not an e-mail address.
    """
    try:
        address = validate_email(
            text.strip(), check_deliverability=False, globally_deliverable=False, test_environment=True
        ).normalized.casefold()
    except EmailNotValidError as error:
        raise ValueError(f"is not an e-mail address: {error}") from error
    if len(address) > MAX_CHARACTERS:  # folding can lengthen it
        raise ValueError("is too long for an e-mail address")
    return address


def fold_email(text: str) -> str:
    """Return what a person typed to sign in, as it would be stored; anything goes."""
    try:
        return parse_email(text)
    except ValueError:
        return text.strip().casefold()
