"""Errors of billing, each with a code and a message for the reader."""

from core.errors import ParleyError


class BillingError(ParleyError):
    """Base of the errors billing raises."""

    code = "billing"
    status = 409


class WrongStatus(BillingError):
    """The invoice or credit note is in a status that does not allow the action."""

    code = "wrong_status"


class TooMuch(BillingError):
    """The amount exceeds what is left."""

    code = "too_much"
    status = 400


class PaymentUnderWay(BillingError):
    """Another payment attempt is live."""

    code = "payment_under_way"
    message = (
        "A payment of this invoice is under way; its result must be known before another is tried."
    )


class NotConfigured(BillingError):
    """A setting or account that is needed is missing."""

    code = "not_configured"
    message = "Card payments are off; invoices are paid by bank transfer."
