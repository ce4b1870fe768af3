"""A screen of a running flow as the phone draws it: components in order, with their values."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from hosting.cloudapi.flow_json import INPUTS
from hosting.cloudapi.json import as_dict, as_list, as_text
from hosting.flows.expressions import evaluate, holds, resolve

FILES = frozenset({"PhotoPicker", "DocumentPicker"})
MANY = frozenset({"CheckboxGroup", "ChipsSelector"})
CHOICES = MANY | {"RadioButtonsGroup", "Dropdown"}
_CONDITIONS = frozenset({"If", "Switch"})
# Of these no property is resolved before it is needed: actions see what was typed since.
_ACTIONS = ("on-click-action", "on-select-action", "on-unselect-action")
_FORM_NAME = re.compile(r"\$\{form\.([A-Za-z0-9_-]+)")
_INPUT_TYPES = {"number": "number", "email": "email", "password": "password", "phone": "tel"}


@dataclass
class Part:
    """A visible component: its type, its place in the JSON, its properties with values filled in.

    `options` of a choice have `id`, `title`, `description`, `chosen` and `enabled`.
    """

    kind: str
    path: str
    shown: dict[str, Any]
    source: dict[str, Any]
    value: Any = None
    error: str = ""
    options: list[dict[str, Any]] = field(default_factory=list)
    # Whether the screen is drawn anew when its value changes.
    is_followed: bool = False

    @property
    def keeps_itself(self) -> bool:
        """Whether the field stays as it is when the screen is drawn anew."""
        properties = (self.source.get(name) for name in ("data-source", "enabled", "label"))
        return not any("${" in str(held) for held in properties)

    @property
    def name(self) -> str:
        """The input's name; "" for what is no input."""
        return as_text(self.source.get("name"))

    @property
    def label(self) -> str:
        """The words on the component."""
        return as_text(self.shown.get("label")) or as_text(self.shown.get("text"))

    @property
    def is_required(self) -> bool:
        """Whether the input must be filled in."""
        return self.shown.get("required") is True

    @property
    def input_type(self) -> str:
        """The type of the HTML field."""
        return _INPUT_TYPES.get(as_text(self.shown.get("input-type")), "text")

    @property
    def lines(self) -> list[str]:
        """The paragraphs of a text component."""
        text = self.shown.get("text")
        return [as_text(one) for one in (text if isinstance(text, list) else [text])]

    @property
    def picture(self) -> str:
        """The address of an image, which a flow has in base64."""
        return picture(self.shown.get("src"))

    @property
    def link(self) -> str:
        """The address that the component opens, or ""."""
        action = self.action()
        address = as_text(action.get("url")) if action.get("name") == "open_url" else ""
        return address if address.startswith(("https://", "http://")) else ""

    @property
    def acts_on_choice(self) -> bool:
        """Whether choosing something does more than to choose it."""
        held = [self.source, *map(as_dict, as_list(self.shown.get("data-source")))]
        return any(name in one for one in held for name in _ACTIONS[1:])

    def action(self, name: str = "on-click-action") -> dict[str, Any]:
        """The component's own action."""
        return as_dict(self.source.get(name))


@dataclass
class Screen:
    """A screen with what is visible of it."""

    name: str
    title: str
    parts: list[Part]
    names: dict[str, Any]

    @property
    def inputs(self) -> list[Part]:
        """The inputs that can be filled in."""
        return [
            part
            for part in self.parts
            if part.kind in INPUTS and part.shown.get("enabled") is not False
        ]


def picture(source: Any) -> str:
    """Return the address of a picture given as base64, or "" for anything else."""
    text = as_text(source)
    if not text or text.startswith(("http:", "https:")):
        return ""
    if text.startswith("data:image/"):
        return text
    kind = "png" if text.startswith("iVBOR") else "webp" if text.startswith("UklGR") else "jpeg"
    return f"data:image/{kind};base64,{text}"


def screen_of(document: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a screen of a flow's JSON by its id, {} if there is none."""
    screens = map(as_dict, as_list(document.get("screens")))
    return next((one for one in screens if as_text(one.get("id")) == name), {})


def examples(screen: dict[str, Any]) -> dict[str, Any]:
    """Return the example data of a screen."""
    declared = as_dict(screen.get("data"))
    return {name: as_dict(one).get("__example__") for name, one in declared.items()}


def draw(document: dict[str, Any], frames: list[dict[str, Any]]) -> Screen:
    """Return the last of the screens that the customer has opened, filled with its values.

    A frame has `screen`, `data`, and `form` with what was typed so far.
    """
    frame = frames[-1]
    source = screen_of(document, frame["screen"])
    names = {
        "data": frame["data"],
        "form": dict(frame["form"]),
        "screen": {one["screen"]: {"data": one["data"], "form": one["form"]} for one in frames},
    }
    children = as_list(as_dict(source.get("layout")).get("children"))
    found = list(_walk(children, _all_branches))
    for component, _, form in found:
        # A field has a value before anybody types, which conditions may ask for.
        if component.get("type") in INPUTS:
            names["form"].setdefault(
                as_text(component.get("name")), _first_value(component, form, names)
            )
    names["screen"][frame["screen"]]["form"] = names["form"]
    parts = [
        _part(component, path, form, names)
        for component, path, form in _walk(children, lambda one: _taken_branch(one, names))
        if component.get("type") not in _CONDITIONS and _is_visible(component, names)
    ]
    followed = _followed(component for component, _, _ in found)
    for part in parts:
        part.is_followed = part.name in followed or part.acts_on_choice
    return Screen(frame["screen"], as_text(resolve(source.get("title"), names)), parts, names)


def _followed(components: Iterable[dict[str, Any]]) -> set[str]:
    """Names of the inputs whose values the components show."""
    shown = (str(_own_properties(component)) for component in components)
    return {name for text in shown for name in _FORM_NAME.findall(text)}


def _own_properties(component: dict[str, Any]) -> dict[str, Any]:
    """What a component shows: neither its actions nor what it holds."""
    held = (*_ACTIONS, "then", "else", "cases")
    return {key: value for key, value in component.items() if key not in held}


Found = tuple[dict[str, Any], str, dict[str, Any]]


def _walk(
    children: list[Any],
    branches_of: Callable[[dict[str, Any]], dict[str, Any]],
    path: str = "",
    form: dict[str, Any] | None = None,
) -> Iterator[Found]:
    """Yield components with their path and the form around them: those of the screen, and of the
    branches of each as `branches_of` names them.
    """
    for n, component in enumerate(map(as_dict, children)):
        place = f"{path}{n}"
        if component.get("type") == "Form":
            held = as_list(component.get("children"))
            yield from _walk(held, branches_of, f"{place}.", component)
            continue
        yield component, place, form or {}
        for name, branch in branches_of(component).items():
            yield from _walk(as_list(branch), branches_of, f"{place}.{name}.", form)


def _all_branches(component: dict[str, Any]) -> dict[str, Any]:
    branches = {name: component.get(name) for name in ("then", "else")}
    return branches | as_dict(component.get("cases"))


def _taken_branch(component: dict[str, Any], names: dict[str, Any]) -> dict[str, Any]:
    """The branch that a condition shows now."""
    kind = component.get("type")
    if kind == "If":
        branch = "then" if holds(component.get("condition"), names) else "else"
        return {branch: component.get(branch)}
    if kind == "Switch":
        value, cases = (
            as_text(_switched(component.get("value"), names)),
            as_dict(component.get("cases")),
        )
        case = value if value in cases else "default"
        return {case: cases.get(case)}
    return {}


def _switched(value: Any, names: dict[str, Any]) -> Any:
    found = resolve(value, names)
    if found is value and isinstance(value, str):
        try:
            return evaluate(value, names)
        except ValueError:
            return value
    return found


def _is_visible(component: dict[str, Any], names: dict[str, Any]) -> bool:
    found = resolve(component.get("visible", True), names)
    return found is not False and found is not None


def _first_value(component: dict[str, Any], form: dict[str, Any], names: dict[str, Any]) -> Any:
    held = as_dict(resolve(form.get("init-values"), names))
    name = as_text(component.get("name"))
    value = resolve(component["init-value"], names) if "init-value" in component else held.get(name)
    if value is None:
        kind = as_text(component.get("type"))
        return [] if kind in MANY | FILES else False if kind == "OptIn" else ""
    return value


def _part(
    component: dict[str, Any], path: str, form: dict[str, Any], names: dict[str, Any]
) -> Part:
    kept = {key: value for key, value in component.items() if key not in _ACTIONS}
    shown = as_dict(resolve(kept, names))
    part = Part(as_text(component.get("type")), path, shown, component)
    if part.kind in INPUTS:
        part.value = names["form"].get(part.name)
        errors = as_dict(resolve(form.get("error-messages"), names))
        part.error = as_text(errors.get(part.name)) or as_text(shown.get("error-message"))
    rows = shown.get("data-source") or shown.get("list-items") or shown.get("images")
    part.options = [_option(part, as_dict(row)) for row in as_list(rows)]
    return part


def _option(part: Part, row: dict[str, Any]) -> dict[str, Any]:
    content = as_dict(row.get("main-content"))
    chosen = part.value if isinstance(part.value, list) else [part.value]
    return {
        "id": as_text(row.get("id")),
        "title": as_text(row.get("title")) or as_text(content.get("title")),
        "description": as_text(row.get("description")) or as_text(content.get("description")),
        "enabled": row.get("enabled") is not False,
        "picture": picture(row.get("image") or row.get("src")),
        "chosen": as_text(row.get("id")) in chosen,
        "source": row,
    }
