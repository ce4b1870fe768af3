"""What a customer filled in on a screen of a flow, checked as the phone checks it."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any, Protocol

from django.utils.translation import gettext as _

from hosting.cloudapi.json import as_text
from hosting.flows.screens import CHOICES, FILES, MANY, Part, Screen

PREFIX = "flow-"
MAX_TEXT, MAX_AREA = 80, 600
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)?")
_PHONE = re.compile(r"\+?[\d ()/.-]{4,30}")


class Given(Protocol):
    """Values by name, as a form sends them."""

    def get(self, key: str, default: Any = None) -> Any:
        """Return the last value of a name."""

    def getlist(self, key: str) -> list[Any]:
        """Return all values of a name."""


def typed(screen: Screen, given: Given) -> dict[str, Any]:
    """Return the values of the visible inputs, those of file pickers as they were."""
    return {part.name: _typed(part, given) for part in screen.inputs if part.kind not in FILES}


def _typed(part: Part, given: Given) -> Any:
    key = PREFIX + part.name
    offered = {option["id"] for option in part.options if option["enabled"]}
    if part.kind in MANY:
        return [one for one in dict.fromkeys(map(str, given.getlist(key))) if one in offered]
    text = str(given.get(key) or "").replace("\0", "")
    if part.kind == "OptIn":
        return bool(text)
    if part.kind == "CalendarPicker" and part.shown.get("mode") == "range":
        end = str(given.get(f"{key}-end") or "")
        return {"start-date": text[:10], "end-date": end[:10]} if text or end else ""
    if part.kind in CHOICES:
        return text if text in offered else ""
    return text.strip()[: _limit(part)]


def _limit(part: Part) -> int:
    most = part.shown.get("max-chars") or part.shown.get("max-length")
    standard = MAX_AREA if part.kind == "TextArea" else MAX_TEXT
    return most if isinstance(most, int) and 0 < most < 5000 else standard


def problems(screen: Screen, values: dict[str, Any]) -> dict[str, str]:
    """Return what is wrong with the values, by the input's name; {} if the screen may go on."""
    found = {part.name: _problem(part, values.get(part.name)) for part in screen.inputs}
    return {name: text for name, text in found.items() if text}


def _problem(part: Part, value: Any) -> str:
    if not value:
        return _("Fill this in.") if part.is_required else ""
    if check := CHECKS.get(part.kind):
        return check(part, value)
    return ""


def _wrong_count(part: Part, value: Any) -> str:
    least, most = _whole(part, "min-selected-items"), _whole(part, "max-selected-items")
    if least is not None and len(value) < least:
        return _("Choose %(n)s or more.") % {"n": least}
    if most is not None and len(value) > most:
        return _("Choose %(n)s at most.") % {"n": most}
    return ""


def _whole(part: Part, name: str) -> int | None:
    value = part.shown.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _wrong_text(part: Part, value: Any) -> str:
    least = _whole(part, "min-chars")
    if least is not None and len(value) < least:
        return _("Write %(n)s characters or more.") % {"n": least}
    kind = as_text(part.shown.get("input-type"))
    form, words = {
        "number": (_NUMBER, _("Write a number.")),
        "passcode": (re.compile(r"\d+"), _("Write digits only.")),
        "email": (_EMAIL, _("Write an e-mail address.")),
        "phone": (_PHONE, _("Write a phone number.")),
    }.get(kind, (None, ""))
    return words if form and not form.fullmatch(value) else ""


def _wrong_date(part: Part, value: Any) -> str:
    days = list(value.values()) if isinstance(value, dict) else [value]
    try:
        read = [date.fromisoformat(as_text(day)) for day in days]
    except ValueError:
        return _("Choose a date.")
    first, last = as_text(part.shown.get("min-date")), as_text(part.shown.get("max-date"))
    out = any((first and str(day) < first) or (last and str(day) > last) for day in read)
    refused = set(map(as_text, part.shown.get("unavailable-dates") or []))
    if out or read != sorted(read) or any(str(day) in refused for day in read):
        return _("This date cannot be chosen.")
    return ""


CHECKS: dict[str, Callable[[Part, Any], str]] = {
    **dict.fromkeys(MANY, _wrong_count),
    **dict.fromkeys(("TextInput", "TextArea"), _wrong_text),
    **dict.fromkeys(("DatePicker", "CalendarPicker"), _wrong_date),
}
