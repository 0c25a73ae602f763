"""The text by which structured messages are shown and given to the AI: polls, contacts, buttons, orders, calls."""

from datetime import UTC, datetime
from typing import Any

from prosa.whatsapp.engine import Json
from prosa.whatsapp.protojson import flag, integer, items, obj, real, string

_UNIX_LIMIT = 253_402_300_799
"""The last second of the year 9999."""


def lines(*parts: str) -> str:
    """Join what is not empty, a line each."""
    return "\n".join(part.strip() for part in parts if part.strip())


def place(content: Json) -> str:
    """Name, address and comment of a place (of a live one its caption), and where it is: latitude, longitude."""
    latitude, longitude = real(content, "degreesLatitude", limit=90), real(content, "degreesLongitude", limit=180)
    return lines(
        string(content, "name"),
        string(content, "address"),
        string(content, "comment") or string(content, "caption"),
        f"{latitude:.6f}, {longitude:.6f}" if latitude is not None and longitude is not None else "",
    )


def poll(content: Json) -> str:
    """The question, then the options."""
    options = (string(option, "optionName") for option in items(content, "options"))
    return lines(string(content, "name"), *(f"- {option}" for option in options if option))


def contact(content: Json) -> str:
    """Name and phone numbers of a contact card (vCard, RFC 6350 §6.4.1: TEL)."""
    numbers: list[str] = []
    for line in string(content, "vcard")[:20_000].splitlines():
        name, _, value = line.partition(":")
        prefix = name.split(";")[0].upper()
        if prefix.rpartition(".")[2] == "TEL" and value.strip():
            numbers.append(value.strip().removeprefix("tel:"))
    return lines(string(content, "displayName"), *dict.fromkeys(numbers))


def contacts(content: Json) -> str:
    """Every contact card of a list."""
    return lines(*(contact(card) for card in items(content, "contacts")))


def buttons(content: Json) -> str:
    """A text with buttons."""
    labels = (string(obj(button, "buttonText"), "displayText") for button in items(content, "buttons"))
    return lines(string(content, "text"), string(content, "contentText"), string(content, "footerText"), _list(labels))


def choices(content: Json) -> str:
    """A text with a list to choose from."""
    rows = (string(row, "title") for section in items(content, "sections") for row in items(section, "rows"))
    return lines(string(content, "title"), string(content, "description"), string(content, "footerText"), _list(rows))


def template(content: Json) -> str:
    """A template of the WhatsApp Business platform."""
    if card := obj(content, "interactiveMessageTemplate"):
        return interactive(card)
    filled = obj(content, "hydratedTemplate") or obj(content, "hydratedFourRowTemplate")
    labels = (
        string(obj(button, kind), "displayText")
        for button in items(filled, "hydratedButtons")
        for kind in ("quickReplyButton", "urlButton", "callButton")
    )
    return lines(
        string(filled, "hydratedTitleText"),
        string(filled, "hydratedContentText"),
        string(filled, "hydratedFooterText"),
        _list(labels),
    )


def interactive(content: Json) -> str:
    """A card with a header, a body and a footer; of a carousel all its cards."""
    header, cards = obj(content, "header"), items(obj(content, "carouselMessage"), "cards")
    own = (
        string(header, "title"),
        string(header, "subtitle"),
        string(obj(content, "body"), "text"),
        string(obj(content, "footer"), "text"),
    )
    shown = (string(obj(card, "body"), "text") for card in cards[:20])
    return lines(*own, *shown)


def button_chosen(content: Json) -> str:
    """The label of the button that was pressed."""
    return (
        string(content, "selectedDisplayText") or string(content, "selectedButtonID") or string(content, "selectedID")
    )


def row_chosen(content: Json) -> str:
    """The title of the row that was chosen."""
    return string(content, "title") or string(obj(content, "singleSelectReply"), "selectedRowID")


def interactive_chosen(content: Json) -> str:
    """What was chosen on an interactive card."""
    return string(obj(content, "body"), "text") or string(obj(content, "nativeFlowResponseMessage"), "name")


def group_invite(content: Json) -> str:
    """An invitation to a group."""
    return lines(f"Invitation to the group {string(content, 'groupName')}", string(content, "caption"))


def order(content: Json) -> str:
    """An order from a catalogue."""
    count = integer(content, "itemCount")
    title = string(content, "orderTitle")
    head = f"Order of {count} item{'' if count == 1 else 's'}" if count is not None else "Order"
    return lines(
        f"{head}: {title}" if title else head,
        _money(content, "totalAmount1000", "totalCurrencyCode"),
        string(content, "message"),
    )


def product(content: Json) -> str:
    """A product of a catalogue."""
    item = obj(content, "product")
    return lines(
        string(item, "title"),
        string(item, "description"),
        _money(item, "priceAmount1000", "currencyCode"),
        string(content, "body"),
        string(content, "footer"),
    )


def event(content: Json) -> str:
    """An event with its time, in UTC."""
    name = string(content, "name")
    seconds = integer(content, "startTime", limit=_UNIX_LIMIT)
    start = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC" if seconds else ""
    return lines(
        f"Event cancelled: {name}" if flag(content, "isCanceled") else f"Event: {name}",
        start,
        string(content, "description"),
        place(obj(content, "location")),
        string(content, "joinLink"),
    )


def call(content: Json) -> str:
    """A call that was made or missed."""
    what = "video call" if flag(content, "isVideo") else "voice call"
    outcome = content.get("callOutcome")
    if outcome in {"MISSED", "SILENCED_BY_DND", "SILENCED_UNKNOWN_CALLER"}:
        return f"Missed {what}"
    if outcome in {"REJECTED", "FAILED"}:
        return f"{what.capitalize()} not answered"
    seconds = integer(content, "durationSecs")
    return f"{what.capitalize()} of {seconds} s" if seconds else what.capitalize()


def timer(seconds: int) -> str:
    """A change of the time after which messages disappear."""
    if seconds == 0:
        return "Disappearing messages turned off"
    hours = max(1, round(seconds / 3600))
    span = f"{hours} h" if hours < 48 else f"{round(hours / 24)} days"
    return f"Messages now disappear after {span}"


def _money(content: Json, amount: str, currency: str) -> str:
    thousandths = integer(content, amount, limit=2**53)
    return f"{string(content, currency)} {thousandths / 1000:.2f}".strip() if thousandths is not None else ""


def _list(labels: Any) -> str:
    return "\n".join(f"- {label}" for label in labels if label)
