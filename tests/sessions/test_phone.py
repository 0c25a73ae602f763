"""Phone numbers as people type them."""

import pytest

from prosa.errors import InvalidInputError
from prosa.sessions.phone import digits_of_phone


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("+55 11 99999-0001", "5511999990001"),
        ("+5511999990001", "5511999990001"),
        ("+55 (11) 99999 0001", "5511999990001"),
        ("5511999990001", "5511999990001"),
        ("551140000001", "551140000001"),
        ("+1 650-253-0000", "16502530000"),
        ("+351 912 345 678", "351912345678"),
    ],
)
def test_international_numbers(text: str, digits: str) -> None:
    assert digits_of_phone(text) == digits


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("(11) 99999-0001", "+5511999990001 (+55)"),
        ("11999990001", "+5511999990001 (+55)"),
        ("(21) 3333-4444", "+552133334444 (+55)"),
        ("99999-0001", "country code"),
        ("hello", "country code"),
        ("+", "country code"),
        ("6502530000", "country code"),
        ("+55 11 9", "after +55"),
        ("+55 11 99999-0001-2345", "after +55"),
        ("+999 123456789", "country code"),
    ],
)
def test_others_are_refused_with_what_to_write_instead(text: str, remedy: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        digits_of_phone(text)
    assert remedy in refused.value.remedy
    [field] = refused.value.fields
    assert field.field == "body.phone"
    assert refused.value.remedy in field.message
