"""Payments in chat: how an `order_details` message may be paid, and what came of it.

Public documents have them for India (UPI through a payment gateway or by a link) and Brazil (Pix,
boleto, a card on file); payment links are in both.
"""

import re
from typing import Any, NamedTuple

from hosting.cloudapi import fields
from hosting.cloudapi.json import action_parameters, as_dict, as_list, as_text
from hosting.errors import CloudApiError

GATEWAYS = ("razorpay", "payu", "billdesk", "zaakpay")
PIX_KEYS = ("cpf", "cnpj", "email", "phone", "evp")
STATUSES = ("new", "pending", "captured", "canceled", "failed")
# Paid with these, the network knows of it and reports it; of all others the business's bank does.
REPORTED = ("payment_gateway", "upi")
# An order in one of these states stays in it.
FINAL = ("completed", "canceled")
MAX_SETTINGS = 5
_REFERENCE = re.compile(r"[A-Za-z0-9_.-]{1,60}")
_BOLETO = re.compile(r"[\d .-]{44,60}")


class Way(NamedTuple):
    """A way to pay: the type of its setting, its provider or merchant, and what the customer is
    shown: a code to copy, a link, or nothing.
    """

    kind: str
    name: str
    code: str = ""
    link: str = ""

    @property
    def is_reported(self) -> bool:
        """Whether the network reports the payment."""
        return self.kind in REPORTED


def check_settings(parameters: dict[str, Any], path: str) -> None:
    """Raise CloudApiError for payment settings or a reference that the network does not take."""
    reference = fields.text(parameters, "reference_id", path, limit=60)
    if not _REFERENCE.fullmatch(reference):
        field = f"{path}.reference_id"
        raise CloudApiError(
            131009, f"{field} may have English letters, digits and _ - . only.", field=field
        )
    fields.choice(parameters, "payment_type", path, ("upi", "br"), required=False)
    if parameters.get("payment_type") == "upi":
        fields.text(parameters, "payment_configuration", path, limit=60)
    settings = fields.objects(parameters, "payment_settings", path, least=0, most=MAX_SETTINGS)
    for n, setting in enumerate(settings):
        _check_setting(setting, f"{path}.payment_settings[{n}]")


def _check_setting(setting: dict[str, Any], path: str) -> None:
    kind = fields.choice(setting, "type", path, tuple(CHECKS))
    held = fields.mapping(setting, kind, path)
    CHECKS[kind](held, f"{path}.{kind}")


def _gateway(held: dict[str, Any], path: str) -> None:
    fields.choice(held, "type", path, GATEWAYS)
    fields.text(held, "configuration_name", path, limit=60)


def _upi(held: dict[str, Any], path: str) -> None:
    link = fields.text(held, "link", path, limit=2048)
    if not link.startswith("upi://"):
        raise CloudApiError(131009, f"{path}.link must begin with upi://.", field=f"{path}.link")


def _pix(held: dict[str, Any], path: str) -> None:
    fields.text(held, "code", path, limit=1024)
    fields.text(held, "merchant_name", path, limit=60)
    fields.text(held, "key", path, limit=77)
    fields.choice(held, "key_type", path, PIX_KEYS)


def _boleto(held: dict[str, Any], path: str) -> None:
    line = fields.text(held, "digitable_line", path, limit=60)
    if not _BOLETO.fullmatch(line):
        field = f"{path}.digitable_line"
        raise CloudApiError(131009, f"{field} must be the 47 or 48 digits.", field=field)


def _link(held: dict[str, Any], path: str) -> None:
    fields.link(held, "uri", path)


def _card(held: dict[str, Any], path: str) -> None:
    fields.text(held, "last_four_digits", path, limit=4)
    fields.text(held, "credential_id", path, limit=256)


CHECKS = {
    "payment_gateway": _gateway,
    "upi_intent_link": _upi,
    "pix_dynamic_code": _pix,
    "boleto": _boleto,
    "payment_link": _link,
    "offsite_card_pay": _card,
}


def parameters_of(content: dict[str, Any]) -> dict[str, Any]:
    """Return the order of an `order_details` message, {} for any other."""
    return action_parameters(content) if content.get("type") == "order_details" else {}


def ways_of(content: dict[str, Any]) -> list[Way]:
    """Return the ways in which an `order_details` message can be paid."""
    parameters = parameters_of(content)
    found = [
        _way(as_text(one.get("type")), as_dict(one.get(as_text(one.get("type")))))
        for one in map(as_dict, as_list(parameters.get("payment_settings")))
    ]
    if not found and parameters.get("payment_type") == "upi":
        found = [Way("upi", as_text(parameters.get("payment_configuration")))]
    return found


def _way(kind: str, held: dict[str, Any]) -> Way:
    name = held.get("merchant_name") or held.get("type") or held.get("last_four_digits") or ""
    code = held.get("code") or held.get("digitable_line")
    link = held.get("uri") or held.get("link")
    return Way(kind, as_text(name), as_text(code), as_text(link))


def configuration_of(content: dict[str, Any]) -> str:
    """Return the name of the payment configuration of an `order_details` message, or ""."""
    parameters = parameters_of(content)
    settings = map(as_dict, as_list(parameters.get("payment_settings")))
    named = [as_dict(one.get("payment_gateway")).get("configuration_name") for one in settings]
    return as_text(next(filter(None, named), parameters.get("payment_configuration")))


def payment_of(content: dict[str, Any]) -> dict[str, Any]:
    """Return what the network last reported of the payment: `status`, `payment`; {} for nothing."""
    return as_dict(content.get("_payment"))


def is_captured(content: dict[str, Any]) -> bool:
    """Whether an `order_details` message was paid."""
    return payment_of(content).get("status") == "captured"
