"""Flows that messages open: which one, with which parameters, and whether it may be sent."""

from typing import Any

from django.db.models import Q

from core.tenancy import system
from hosting.cloudapi.json import action_parameters, as_dict, as_list, as_text
from hosting.errors import CloudApiError
from hosting.flows.screens import screen_of
from hosting.models import Flow, FlowStatus, Message, Transport

PATH = "interactive.action.parameters"


def check(message: Message) -> None:
    """Raise CloudApiError 131009 for a message that opens a flow which cannot be opened.

    At an upstream a flow that no business has here passes: a client that changed only its base URL
    uses the upstream's id.
    """
    if message.kind != "interactive" or message.content.get("type") != "flow":
        return
    parameters = action_parameters(message.content)
    named = as_text(parameters.get("flow_id")) or as_text(parameters.get("flow_name"))
    field = f"{PATH}.flow_id" if parameters.get("flow_id") else f"{PATH}.flow_name"
    flow = _named(message, parameters)
    if flow is None:
        if message.number.transport != Transport.SANDBOX and not _is_anybodys(named):
            return
        raise CloudApiError(131009, f"The account has no flow '{named[:60]}'.", field=field)
    mode = as_text(parameters.get("mode")) or "published"
    if mode not in ("draft", "published"):
        raise CloudApiError(131009, "mode must be draft or published.", field=f"{PATH}.mode")
    wanted = FlowStatus.DRAFT if mode == "draft" else FlowStatus.PUBLISHED
    if flow.status != wanted:
        raise CloudApiError(
            131009, f"The flow is {flow.status}, not {wanted}: see mode.", field=field
        )
    if not flow.source or flow.validation_errors:
        raise CloudApiError(131009, "The flow has no JSON without errors.", field=field)
    screen = as_text(as_dict(parameters.get("flow_action_payload")).get("screen"))
    if screen and not screen_of(flow.document, screen):
        raise CloudApiError(
            131009, f"The flow has no screen '{screen[:60]}'.",
            field=f"{PATH}.flow_action_payload.screen",
        )  # fmt: skip


def _is_anybodys(flow_id: str) -> bool:
    with system("ids of flows are one series over all businesses"):
        return Flow.objects.filter(flow_id=flow_id).exists()


def _named(message: Message, parameters: dict[str, Any]) -> Flow | None:
    flow_id, name = as_text(parameters.get("flow_id")), as_text(parameters.get("flow_name"))
    if not flow_id and not name:
        return None
    which = Q(flow_id=flow_id) if flow_id else Q(name=name)
    rows = Flow.objects.filter(which, account=message.number.account_id)
    return rows.select_related("account").first()


def opened_by(message: Message, index: str = "") -> tuple[Flow | None, dict[str, Any]]:
    """Return the flow that a message opens, and its parameters; None where there is none.

    `index` is the place of a template's button.
    """
    if message.kind == "interactive":
        parameters = action_parameters(message.content)
    else:
        parameters = _button_parameters(message, index)
    return _named(message, parameters), parameters


def _button_parameters(message: Message, index: str) -> dict[str, Any]:
    """The parameters of a template's flow button, of its definition and of the message."""
    defined = message.template.components if message.template else []
    parts = [as_dict(one) for one in as_list(defined)]
    rows = next((one for one in parts if as_text(one.get("type")).upper() == "BUTTONS"), {})
    buttons = dict(enumerate(map(as_dict, as_list(rows.get("buttons")))))
    button = buttons.get(int(index), {}) if index.isdecimal() and len(index) < 3 else {}
    if as_text(button.get("type")).upper() != "FLOW":
        return {}
    sent = next(
        (
            one
            for one in map(as_dict, as_list(message.content.get("components")))
            if one.get("type") == "button" and as_text(one.get("index")) == index
        ),
        {},
    )
    given = as_dict(next(iter(as_list(sent.get("parameters"))), {}))
    action = as_dict(given.get("action"))
    data = as_dict(action.get("flow_action_data"))
    return {
        "flow_id": as_text(button.get("flow_id")),
        "flow_name": as_text(button.get("flow_name")),
        "flow_token": as_text(action.get("flow_token")),
        "flow_action": as_text(button.get("flow_action")).lower() or "navigate",
        "flow_action_payload": {"screen": as_text(button.get("navigate_screen")), "data": data},
    }
