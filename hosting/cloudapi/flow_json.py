"""The JSON of flows, checked by its published rules."""

import re
from collections.abc import Iterator
from typing import Any

from hosting.cloudapi.json import MalformedJson, as_dict, as_list, as_text, read_json, too_deep

MAX_BYTES = 10 * 1024 * 1024
MAX_SCREENS, MAX_CHILDREN = 100, 50
CATEGORIES = (
    "SIGN_UP", "SIGN_IN", "APPOINTMENT_BOOKING", "LEAD_GENERATION", "SHOPPING", "CONTACT_US",
    "CUSTOMER_SUPPORT", "SURVEY", "OTHER",
)  # fmt: skip
COMPONENTS = frozenset({
    "TextHeading", "TextSubheading", "TextBody", "TextCaption", "RichText", "TextInput", "TextArea",
    "CheckboxGroup", "RadioButtonsGroup", "Footer", "OptIn", "Dropdown", "EmbeddedLink",
    "DatePicker", "CalendarPicker", "Image", "ImageCarousel", "If", "Switch", "PhotoPicker",
    "DocumentPicker", "NavigationList", "ChipsSelector", "Form",
})  # fmt: skip
INPUTS = frozenset({
    "TextInput", "TextArea", "CheckboxGroup", "RadioButtonsGroup", "OptIn", "Dropdown",
    "DatePicker", "CalendarPicker", "PhotoPicker", "DocumentPicker", "ChipsSelector",
})  # fmt: skip
ACTIONS = ("navigate", "complete", "data_exchange", "open_url", "update_data")
# The screen's name that ends a flow of an endpoint.
SUCCESS = "SUCCESS"
_SCREEN_ID = re.compile(r"[A-Za-z_]+")
_VERSION = re.compile(r"[2-9]\.[0-9]")


def validation_errors(source: str) -> list[dict[str, Any]]:
    """Return what is wrong with a flow's JSON, as the Cloud API says it; [] for a good one."""
    try:
        flow = read_json(source.encode())
    except MalformedJson as error:
        return [_error(source, "INVALID_JSON", f"The file is no JSON: {error}", "")]
    if not isinstance(flow, dict) or too_deep(flow):
        return [_error(source, "INVALID_JSON", "The file must be one object.", "")]
    return [_error(source, code, text, place) for code, text, place in _problems(flow)]


Problem = tuple[str, str, str]


def _problems(flow: dict[str, Any]) -> Iterator[Problem]:
    if not _VERSION.fullmatch(as_text(flow.get("version"))):
        yield "INVALID_PROPERTY_VALUE", "version must be one such as '7.2'.", "version"
    screens = list(map(as_dict, as_list(flow.get("screens"))))
    if not 1 <= len(screens) <= MAX_SCREENS:
        yield "MIN_ITEMS_REQUIRED", f"screens must hold 1 to {MAX_SCREENS} screens.", "screens"
    names = [as_text(screen.get("id")) for screen in screens]
    for name in names:
        if not _SCREEN_ID.fullmatch(name) or name == SUCCESS:
            yield "INVALID_PROPERTY_VALUE", f"A screen cannot be called '{name}'.", name
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield "DUPLICATE_SCREEN_IDS", f"Two screens are called '{name}'.", name
    if screens and not any(screen.get("terminal") is True for screen in screens):
        yield "MISSING_TERMINAL_SCREEN", "One screen must be terminal.", "screens"
    for screen in screens:
        yield from _problems_of_screen(screen, frozenset(names))
    routes = as_dict(flow.get("routing_model"))
    for start, ends in routes.items():
        for name in (start, *map(as_text, as_list(ends))):
            if name not in names:
                yield "INVALID_ROUTING_MODEL", f"No screen is called '{name}'.", name
    if flow.get("data_api_version") and not routes:
        yield "MISSING_ROUTING_MODEL", "routing_model is required with an endpoint.", "version"


def _problems_of_screen(screen: dict[str, Any], names: frozenset[str]) -> Iterator[Problem]:
    name, layout = as_text(screen.get("id")), as_dict(screen.get("layout"))
    if layout.get("type") != "SingleColumnLayout":
        yield "INVALID_PROPERTY_VALUE", f"'{name}' needs a layout SingleColumnLayout.", name
    parts = list(components_of(layout))
    if not 1 <= len(parts) <= MAX_CHILDREN:
        yield "MIN_ITEMS_REQUIRED", f"'{name}' must hold 1 to {MAX_CHILDREN} components.", name
    fields = [as_text(part.get("name")) for part in parts if part.get("type") in INPUTS]
    if "" in fields:
        yield "MISSING_REQUIRED_PROPERTY", f"An input of '{name}' has no name.", name
    if len(set(fields)) < len(fields):
        yield "DUPLICATE_FORM_COMPONENT_NAMES", f"Two inputs of '{name}' have one name.", name
    if screen.get("terminal") is True and not any(part.get("type") == "Footer" for part in parts):
        yield "MISSING_FOOTER", f"The terminal screen '{name}' needs a Footer.", name
    for part in parts:
        yield from _problems_of_component(part, names)


def _problems_of_component(part: dict[str, Any], names: frozenset[str]) -> Iterator[Problem]:
    kind = as_text(part.get("type"))
    if kind not in COMPONENTS:
        yield "INVALID_COMPONENT", f"There is no component '{kind}'.", kind
    action = as_dict(part.get("on-click-action"))
    if kind == "Footer" and not action:
        yield "MISSING_REQUIRED_PROPERTY", "A Footer needs an on-click-action.", kind
    named = as_text(action.get("name"))
    if action and named not in ACTIONS:
        yield "INVALID_ACTION", f"There is no action '{named}'.", named
    following = as_text(as_dict(action.get("next")).get("name"))
    if named == "navigate" and following not in names:
        yield "INVALID_NAVIGATE_ACTION_SCREEN", f"No screen is called '{following}'.", following


def components_of(layout: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the components of a layout in order, those of forms and choices in their place."""
    for part in map(as_dict, as_list(layout.get("children"))):
        if part.get("type") == "Form":
            yield from components_of(part)
            continue
        yield part
        inner = [part.get("then"), part.get("else"), *as_dict(part.get("cases")).values()]
        for held in inner:
            yield from components_of({"children": held})


def _error(source: str, code: str, text: str, place: str) -> dict[str, Any]:
    at = max(source.find(f'"{place}"'), 0) if place else 0
    line = source.count("\n", 0, at) + 1
    column = at - (source.rfind("\n", 0, at) + 1) + 1
    return {
        "error": code,
        "error_type": "JSON_SCHEMA_ERROR" if code == "INVALID_JSON" else "FLOW_JSON_ERROR",
        "message": text,
        "line_start": line,
        "line_end": line,
        "column_start": column,
        "column_end": column + len(place) + 2 if place else column,
    }
