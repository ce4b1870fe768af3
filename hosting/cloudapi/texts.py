"""What a person reads of a message of any kind: one text for the thread, the list and the search."""

import re
from typing import Any

from hosting.cloudapi.reading import as_dict, as_list, as_text

PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")


def text_of(kind: str, content: dict[str, Any]) -> str:
    """The readable text of a message's content object; empty where there is none."""
    if kind == "text":
        return as_text(content.get("body"))
    if kind == "button":
        return as_text(content.get("text"))
    if kind == "reaction":
        return as_text(content.get("emoji"))
    if kind == "interactive":
        return _interactive(content)
    if kind == "location":
        return " ".join(filter(None, (as_text(content.get("name")), as_text(content.get("address")))))
    if kind == "contacts":
        return ""
    if kind in ("order", "system"):
        return as_text(content.get("text") or content.get("body"))
    return as_text(content.get("caption") or content.get("filename"))


def _interactive(content: dict[str, Any]) -> str:
    for reply in ("button_reply", "list_reply"):
        if title := as_text(as_dict(content.get(reply)).get("title")):
            return title
    return as_text(as_dict(content.get("body")).get("text"))


def fill(text: str, parameters: list[dict[str, Any]]) -> str:
    """A template's text with its `{{1}}` or `{{name}}` filled from Cloud API parameters."""
    values = {as_text(item.get("parameter_name")) or str(n): _value(item) for n, item in enumerate(parameters, 1)}
    return PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)


def _value(parameter: dict[str, Any]) -> str:
    kind = as_text(parameter.get("type")) or "text"
    held = parameter.get(kind)
    if isinstance(held, dict):
        return as_text(held.get("fallback_value"))
    return as_text(held)


def placeholders(text: str) -> list[str]:
    """Names of the placeholders in a template's text, in order, each once."""
    return list(dict.fromkeys(PLACEHOLDER.findall(text)))


def parameters_of(components: list[Any], kind: str) -> list[dict[str, Any]]:
    """Parameters that a send body gives for one component kind; kinds come in either case."""
    for component in map(as_dict, components):
        if as_text(component.get("type")).lower() == kind:
            return [as_dict(item) for item in as_list(component.get("parameters"))]
    return []
