"""Phone numbers as people type them, made unambiguous."""

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, ValidationResult

from prosa.errors import FieldError, InvalidInputError

_NATIONAL_GUESSES = ("BR",)
"""Countries whose national form is recognised in order to name what is missing; never to fill it in."""

_SHORTEST_WITHOUT_PLUS = 11
"""Digits; shorter ones are too easily a national number of some country."""

_LENGTHS = {
    ValidationResult.TOO_SHORT: "has too few digits",
    ValidationResult.TOO_LONG: "has too many digits",
    ValidationResult.INVALID_LENGTH: "does not have the number of digits its country uses",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "lacks its area code",
    ValidationResult.INVALID_COUNTRY_CODE: "has no known country code",
}


def digits_of_phone(text: str, *, field: str = "body.phone") -> str:
    """Return the digits, with country code, of a phone number in international form ("+55 11 99999-0001").

    The plus may be missing where the number can be read in no other way ("5511999990001"). With a plus only the length
    is checked: which ranges are in use is for WhatsApp to say.

    Raises:
        InvalidInputError: It is none; the remedy says what is missing.
    """
    number = _parsed(text, None) or _without_plus(text)
    if number is None:
        raise _invalid(field, "needs its country code", _missing_country(text))
    result = phonenumbers.is_possible_number_with_reason(number)
    if result != ValidationResult.IS_POSSIBLE:
        remedy = f"Check the digits after +{number.country_code}; for example +55 11 99999-0001."
        raise _invalid(field, _LENGTHS.get(result, "is not a phone number"), remedy)
    return _e164(number).removeprefix("+")


def _without_plus(text: str) -> PhoneNumber | None:
    """Read digits that begin with a country code, if they are no national number as well."""
    number = _parsed("+" + text.strip(), None)
    if number is None or not phonenumbers.is_valid_number(number):
        return None
    if sum(character.isdigit() for character in text) < _SHORTEST_WITHOUT_PLUS:
        return None
    for region in _NATIONAL_GUESSES:
        national = _parsed(text, region)
        if national is not None and phonenumbers.is_valid_number(national) and national != number:
            return None
    return number


def _missing_country(text: str) -> str:
    """Return what to write instead of a number without its country code."""
    for region in _NATIONAL_GUESSES:
        guess = _parsed(text, region)
        if guess is not None and phonenumbers.is_valid_number(guess):
            return f"Write the number with + and its country code; if it is Brazilian, that is {_e164(guess)} (+55)."
    return "Write the number with + and its country code, such as +55 11 99999-0001 for Brazil."


def _e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _parsed(text: str, region: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except NumberParseException:
        return None


def _invalid(field: str, message: str, remedy: str) -> InvalidInputError:
    return InvalidInputError(
        f"The phone number {message}.", remedy=remedy, fields=[FieldError(field, f"{message}. {remedy}", "phone")]
    )
