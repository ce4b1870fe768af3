"""A flow that a customer runs on a phone: screens opened, actions taken, its end.

The state is the device's own: `Run.state` is all of it, so it can be kept by whoever shows the
screens.
"""

from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from hosting.cloudapi.flow_json import SUCCESS
from hosting.cloudapi.json import as_dict, as_list, as_text
from hosting.flows import endpoint
from hosting.flows.expressions import resolve
from hosting.flows.screens import Part, Screen, draw, screen_of
from hosting.models import Flow, Number

MAX_FRAMES = 100
# As the network names it where a message has none.
NO_TOKEN = "unused"  # noqa: S105  # nosec B105


@dataclass
class Run:
    """One run of a flow.

    `response` is set once it is complete: what the business gets. `failure` is set when it cannot
    go on, `is_closed` when it cannot be opened again either.
    """

    flow: Flow
    number: Number
    token: str
    frames: list[dict[str, Any]] = field(default_factory=list)
    notice: str = ""
    failure: str = ""
    is_closed: bool = False
    response: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        """Read the flow's JSON once."""
        self.document = self.flow.document

    @property
    def screen(self) -> Screen:
        """The screen that is open."""
        return draw(self.document, self.frames)

    @property
    def state(self) -> dict[str, Any]:
        """What is kept between two requests."""
        return {"frames": self.frames, "token": self.token}


def start(flow: Flow, number: Number, parameters: dict[str, Any]) -> Run:
    """Open a flow by the `parameters` of its message."""
    token = as_text(parameters.get("flow_token")) or NO_TOKEN
    run = Run(flow, number, token)
    if parameters.get("flow_action") == "data_exchange":
        _exchange(run, {"action": "INIT", "screen": "", "data": {}})
        return run
    opened = as_dict(parameters.get("flow_action_payload"))
    name = as_text(opened.get("screen")) or first_screen(run.document)
    if not screen_of(run.document, name):
        run.failure = _("The form has no screen %(name)s.") % {"name": name}
        return run
    run.frames.append({"screen": name, "data": as_dict(opened.get("data")), "form": {}})
    return run


def first_screen(document: dict[str, Any]) -> str:
    """Return the screen that no other one leads to, by the routing model, or else the first."""
    names = [as_text(as_dict(one).get("id")) for one in as_list(document.get("screens"))]
    routes = as_dict(document.get("routing_model"))
    led_to = {as_text(name) for ends in routes.values() for name in as_list(ends)}
    return next((name for name in names if name in routes and name not in led_to), names[0])


def press(run: Run, path: str) -> None:
    """Take the action of a visible component, or of a row of its list (`path:row`)."""
    path, _colon, row = path.partition(":")
    screen = run.screen
    part = next((one for one in screen.parts if one.path == path), None)
    if part is None:
        return
    action = part.action()
    if row:
        rows = [option for option in part.options if option["id"] == row]
        action = (as_dict(rows[0]["source"].get("on-click-action")) if rows else {}) or action
    act(run, action, screen)


def choose(run: Run, before: dict[str, Any]) -> None:
    """Take the action of the first input whose value is another than `before`, if it has one."""
    screen = run.screen
    for part in screen.inputs:
        if part.acts_on_choice and part.value != before.get(part.name):
            act(run, _choice_action(part, before.get(part.name)), screen)
            return


def _choice_action(part: Part, before: Any) -> dict[str, Any]:
    """The action of the option that was chosen or taken back, or else that of the input."""
    now = part.value if isinstance(part.value, list) else [part.value]
    then = before if isinstance(before, list) else [before]
    for option in part.options:
        if (option["id"] in now) != (option["id"] in then):
            kind = "on-select-action" if option["id"] in now else "on-unselect-action"
            if found := as_dict(option["source"].get(kind)):
                return found
    taken_back = part.kind == "OptIn" and not part.value
    return part.action("on-unselect-action" if taken_back else "on-select-action")


def act(run: Run, action: dict[str, Any], screen: Screen) -> None:
    """Take an action of the screen that is open."""
    payload = as_dict(resolve(as_dict(action.get("payload")), screen.names))
    name = action.get("name")
    if name == "navigate":
        _open(run, as_text(as_dict(action.get("next")).get("name")), payload)
    elif name == "complete":
        run.response = payload | {"flow_token": run.token}
    elif name == "update_data":
        run.frames[-1]["data"] = run.frames[-1]["data"] | payload
    elif name == "data_exchange":
        _exchange(run, {"action": "data_exchange", "screen": screen.name, "data": payload})


def _open(run: Run, name: str, data: dict[str, Any]) -> None:
    if len(run.frames) >= MAX_FRAMES or not screen_of(run.document, name):
        run.failure = _("The form has no screen %(name)s.") % {"name": name}
        return
    run.frames.append({"screen": name, "data": data, "form": {}})


def back(run: Run) -> None:
    """Go back a screen; the endpoint is asked where the screen says so."""
    if len(run.frames) < 2:
        return
    source = screen_of(run.document, run.frames[-1]["screen"])
    left = run.frames.pop()
    if source.get("refresh_on_back") is True:
        _exchange(run, {"action": "BACK", "screen": left["screen"], "data": {}})


def _exchange(run: Run, asked: dict[str, Any]) -> None:
    """Ask the endpoint, and do what it answers."""
    version = as_text(run.document.get("data_api_version"))
    request = {"version": version, "flow_token": run.token} | asked
    try:
        if not run.flow.endpoint_uri:
            raise endpoint.EndpointFailed("NO_ENDPOINT", _("The form has no endpoint."))
        answer = endpoint.exchange(run.flow, run.number, request)
    except endpoint.TokenUsedUp as error:
        run.failure, run.is_closed = error.message, True
        return
    except endpoint.EndpointFailed as error:
        run.failure = error.message
        return
    try:
        _follow(run, answer, asked)
    except endpoint.EndpointFailed as error:
        run.failure = error.message
        endpoint.report(run.flow, run.number, request, error)


def _follow(run: Run, answer: dict[str, Any], asked: dict[str, Any]) -> None:
    """Go where the endpoint says. Raises EndpointFailed for an answer that leads nowhere."""
    name, data = as_text(answer.get("screen")), as_dict(answer.get("data"))
    if name == SUCCESS:
        extension = as_dict(data.get("extension_message_response"))
        run.response = {"flow_token": run.token} | as_dict(extension.get("params"))
        return
    if not screen_of(run.document, name):
        raise endpoint.EndpointFailed(
            "INVALID_SCREEN_TRANSITION", _("The endpoint named no screen of the form.")
        )
    data = dict(data)
    run.notice = as_text(data.pop("error_message", ""))
    opened = [n for n, frame in enumerate(run.frames) if frame["screen"] == name]
    if opened:
        run.frames = run.frames[: opened[-1] + 1]
        run.frames[-1]["data"] = run.frames[-1]["data"] | data
        return
    routes = as_dict(run.document.get("routing_model"))
    allowed = as_list(routes.get(as_text(asked["screen"])))
    if asked["action"] == "data_exchange" and name not in allowed:
        raise endpoint.EndpointFailed(
            "INVALID_SCREEN_TRANSITION", _("The routing model does not lead to that screen.")
        )
    run.frames.append({"screen": name, "data": data, "form": {}})
