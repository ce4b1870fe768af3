"""Headers and buttons of messages."""

from dataclasses import dataclass
from typing import Any

from hosting.cloudapi.json import as_dict, as_list, as_text
from hosting.cloudapi.texts import fill

HEADERS = frozenset({"image", "video", "document", "location"})


@dataclass(frozen=True)
class Button:
    """A template's button: `kind` is the Cloud API's type in lower case, `target` a URL or phone
    number.
    """

    kind: str
    text: str
    target: str
    payload: str


def header_of(kind: str, content: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return kind and object of a header that is not text, such as ("image", {"id": "1"}), or ("",
    {}).
    """
    header = as_dict(content.get("header")) if kind == "interactive" else _given_header(content)
    form = as_text(header.get("type")).lower()
    held = as_dict(header.get(form))
    # A GIF is a film without sound.
    form = "video" if form == "gif" else form
    return (form, held) if form in HEADERS else ("", {})


def _given_header(content: dict[str, Any]) -> dict[str, Any]:
    components = map(as_dict, as_list(content.get("components")))
    found = next((part for part in components if as_text(part.get("type")).lower() == "header"), {})
    return as_dict(next(iter(as_list(found.get("parameters"))), {}))


def buttons_of(definition: list[Any], given: list[Any]) -> list[Button]:
    """Return a template's buttons, filled from the components that were sent."""
    parts = map(as_dict, definition)
    found = next((part for part in parts if as_text(part.get("type")).lower() == "buttons"), {})
    sent = {
        as_text(part.get("index")): part
        for part in map(as_dict, given)
        if part.get("type") == "button"
    }
    return [
        _button(as_dict(one), as_dict(sent.get(str(n))))
        for n, one in enumerate(as_list(found.get("buttons")))
    ]


def _button(button: dict[str, Any], sent: dict[str, Any]) -> Button:
    kind, text = as_text(button.get("type")).lower(), as_text(button.get("text"))
    parameters = [as_dict(one) for one in as_list(sent.get("parameters"))]
    target = fill(as_text(button.get("url") or button.get("phone_number")), parameters)
    payload = next((as_text(one.get("payload")) for one in parameters), "")
    return Button(kind, text, target, payload or text)
