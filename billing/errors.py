"""What billing refuses, each with a code and a sentence for the reader."""

from core.errors import ParleyError


class BillingError(ParleyError):
    """Base of what billing refuses."""

    code = "billing"
    status = 409


class NotIssuable(BillingError):
    """The paper is not in a state in which that can be done."""

    code = "wrong_status"


class TooMuch(BillingError):
    """More than is left."""

    code = "too_much"
    status = 400


class PaymentUnderWay(BillingError):
    """Another attempt is live."""

    code = "payment_under_way"
    message = (
        "A payment of this invoice is under way; its result must be known before another is tried."
    )


class NotConfigured(BillingError):
    """Something outside is not set up."""

    code = "not_configured"
    message = (
        "Card payments are off. Set STRIPE_API_KEY and STRIPE_WEBHOOK_SECRET to switch them on."
    )
