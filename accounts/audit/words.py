"""Entries of the audit log in the reader's words: what was done, and the values of a change."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from core import money

# What an action is about, by the first part of its name.
NOUNS = {
    "account": gettext_noop("Account"),
    "apikey": gettext_noop("API key"),
    "balance": gettext_noop("Credit balance"),
    "billing_details": gettext_noop("Billing details"),
    "business": gettext_noop("Workspace"),
    "cardversion": gettext_noop("Rate card version"),
    "charge": gettext_noop("Charge"),
    "contact": gettext_noop("Customer"),
    "email": gettext_noop("E-mail"),
    "export": gettext_noop("Export"),
    "hold": gettext_noop("Legal hold"),
    "invoice": gettext_noop("Invoice"),
    "key": gettext_noop("API key"),
    "member": gettext_noop("Member"),
    "message": gettext_noop("Message"),
    "number": gettext_noop("Number"),
    "opt_out_words": gettext_noop("Opt-out words"),
    "order": gettext_noop("Order"),
    "payment": gettext_noop("Payment"),
    "plan": gettext_noop("Plan"),
    "product": gettext_noop("Product"),
    "quarantine": gettext_noop("Quarantine"),
    "ratecard": gettext_noop("Rate card"),
    "receipt": gettext_noop("Receipt"),
    "recount": gettext_noop("Reconciliation"),
    "refund": gettext_noop("Refund"),
    "seller": gettext_noop("Seller"),
    "shop": gettext_noop("Shop"),
    "tax_rules": gettext_noop("Tax rules"),
    "template": gettext_noop("Template"),
    "upstream": gettext_noop("Channel"),
    "user": gettext_noop("User"),
    "webhook": gettext_noop("Webhook"),
}
# What was done to it, by the second part.
VERBS = {
    "added": gettext_noop("added"),
    "allocated": gettext_noop("allocated"),
    "approved": gettext_noop("approved"),
    "asked": gettext_noop("requested"),
    "cancelled": gettext_noop("cancelled"),
    "changed": gettext_noop("changed"),
    "clock_set": gettext_noop("test clock set"),
    "connected": gettext_noop("connected"),
    "created": gettext_noop("created"),
    "credited": gettext_noop("credited"),
    "customers_erasure_requested": gettext_noop("deletion of all customers requested"),
    "days_kept": gettext_noop("retention changed"),
    "deleted": gettext_noop("deleted"),
    "delivery_added": gettext_noop("shipping method added"),
    "disabled": gettext_noop("disabled"),
    "disconnected": gettext_noop("disconnected"),
    "downloaded": gettext_noop("downloaded"),
    "ended": gettext_noop("ended"),
    "erased": gettext_noop("data deleted"),
    "erasure_requested": gettext_noop("deletion requested"),
    "given_up": gettext_noop("written off"),
    "invited": gettext_noop("invited"),
    "issued": gettext_noop("issued"),
    "joined": gettext_noop("joined"),
    "loaded": gettext_noop("loaded"),
    "made_live": gettext_noop("made live"),
    "merged": gettext_noop("merged"),
    "mfa_required": gettext_noop("two-factor requirement changed"),
    "next_plan": gettext_noop("plan of the next month chosen"),
    "noted": gettext_noop("recorded"),
    "opened": gettext_noop("text opened by an operator"),
    "paid_out": gettext_noop("paid out"),
    "password_set": gettext_noop("password set"),
    "paused": gettext_noop("paused"),
    "plan": gettext_noop("plan changed"),
    "rated": gettext_noop("quality set"),
    "refunded": gettext_noop("refunded"),
    "reissued": gettext_noop("reissued"),
    "rejected": gettext_noop("rejected"),
    "removed": gettext_noop("removed"),
    "replaced": gettext_noop("replaced"),
    "requested": gettext_noop("requested"),
    "requeued": gettext_noop("queued again"),
    "resumed": gettext_noop("resumed"),
    "reversed": gettext_noop("reversed"),
    "revoked": gettext_noop("revoked"),
    "role_changed": gettext_noop("role changed"),
    "scheduled": gettext_noop("scheduled"),
    "secret_changed": gettext_noop("secret changed"),
    "secret_ended": gettext_noop("old secret ended"),
    "sent_again": gettext_noop("sent again"),
    "sent_back": gettext_noop("sent back"),
    "set": gettext_noop("set"),
    "settled": gettext_noop("settled by hand"),
    "suspended": gettext_noop("sending suspended"),
    "switched": gettext_noop("switched on or off"),
    "test_data_erasure_requested": gettext_noop("deletion of test data requested"),
    "transfer_noted": gettext_noop("bank transfer recorded"),
    "uninvited": gettext_noop("invitation withdrawn"),
    "uploaded": gettext_noop("uploaded"),
    "view_ended": gettext_noop("operator's view ended"),
    "viewed": gettext_noop("viewed by an operator"),
    "voided": gettext_noop("voided"),
}
# Ends of the names of amounts: in micro-units, and in minor units of a currency.
MICROS, MINOR = "_micros", "_minor"


def action(name: str) -> str:
    """`key.created` as *API key: created*; without a table's words, the name without its dots."""
    noun, dot, verb = name.partition(".")
    known = NOUNS.get(noun)
    first = _(known) if known else _spaced(noun)
    if not dot:
        return first
    done = VERBS.get(verb)
    return f"{first}: {_(done) if done else _spaced(verb).lower()}"


def column(name: str) -> str:
    """The name of a changed value: `days_kept` as *Days kept*, without the unit of amounts."""
    return _spaced(name.removesuffix(MICROS).removesuffix(MINOR))


def value(name: str, given: Any, currency: str) -> Any:
    """A value for readers: lists in a row, yes and no, amounts as decimals, those in minor units by
    the currency; None stays None.
    """
    if given is None:
        return None
    if isinstance(given, bool):
        return _("yes") if given else _("no")
    if isinstance(given, list):
        return ", ".join(str(one) for one in given) or "–"
    if name.endswith(MICROS) and isinstance(given, int):
        return f"{money.micro_amount(given):f}"
    if name.endswith(MINOR) and isinstance(given, int):
        return f"{money.minor_amount(given, currency):f}"
    return "–" if given == "" else given


def _spaced(name: str) -> str:
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]
