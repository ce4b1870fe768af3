"""What a message shows around its text: the file or place in its header, and the buttons of its template."""

from dataclasses import dataclass
from typing import Any

from hosting.cloudapi.json import as_dict, as_list, as_text
from hosting.cloudapi.texts import fill

HEADERS = frozenset({"image", "video", "document", "location"})


@dataclass(frozen=True)
class Button:
    """A template's button: `kind` as the Cloud API names it in lower case, `target` its address or number to call."""

    kind: str
    text: str
    target: str
    payload: str


def header_of(kind: str, content: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Kind and object of the header that is no text, such as ("image", {"id": "1"}); ("", {}) without one."""
    header = as_dict(content.get("header")) if kind == "interactive" else _given_header(content)
    form = as_text(header.get("type")).lower()
    return (form, as_dict(header.get(form))) if form in HEADERS else ("", {})


def _given_header(content: dict[str, Any]) -> dict[str, Any]:
    components = map(as_dict, as_list(content.get("components")))
    found = next((part for part in components if as_text(part.get("type")).lower() == "header"), {})
    return as_dict(next(iter(as_list(found.get("parameters"))), {}))


def buttons_of(definition: list[Any], given: list[Any]) -> list[Button]:
    """The buttons of a template (its definition's components), filled with the components that were sent."""
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
