"""Saved payment methods: a customer's card at the network, for automatic payments."""

from accounts.models import Business
from billing.errors import NotConfigured
from billing.models import BillingDetails
from billing.payments import stripe_gateway
from billing.payments.stripe_gateway import SavedMethod
from core.tenancy import system


def save_method(*, business: Business, method_id: str) -> BillingDetails:
    """Save a payment method for automatic payments."""
    details = ensure_customer(business)
    label = stripe_gateway.attach(details, method_id)
    with system("the customer's method"):
        BillingDetails.objects.filter(pk=details.pk).update(method_id=method_id, method_label=label)
        details.refresh_from_db()
    return details


def setup_page_url(*, business: Business, back: str) -> str:
    """URL of a page where a payment method is saved; raises NotConfigured or Refused."""
    if not stripe_gateway.is_configured():
        raise NotConfigured
    return stripe_gateway.create_setup_page(ensure_customer(business), back)


def store_method(session_id: str, business_id: int) -> BillingDetails | None:
    """Store the payment method saved in a session, asked for by a business; safe to call twice.

    Returns the billing details of its customer, or None for a session that saved none of ours.
    """
    saved = stripe_gateway.saved_method(session_id, business_id)
    if saved is None:
        return None
    with system("the network names its customer, not our business"):
        return store(saved)


def store(saved: SavedMethod) -> BillingDetails | None:
    """Store a method in the billing details of its customer; None where it is none of ours.

    Call across businesses.
    """
    known = BillingDetails.objects.filter(customer_id=saved.customer_id)
    details = known.exclude(customer_id="").first()
    if details is not None:
        BillingDetails.objects.filter(pk=details.pk).update(
            method_id=saved.method_id, method_label=saved.label
        )
        details.refresh_from_db()
    return details


def remove_method(*, business: Business) -> None:
    """Remove the saved payment method, here before at the network, so that it is never charged
    again.
    """
    with system("the customer's method"):
        details = BillingDetails.of(business)
        BillingDetails.objects.filter(pk=details.pk).update(method_id="", method_label="")
    if details.method_id and stripe_gateway.is_configured():
        stripe_gateway.detach(details.method_id, business.pk)


def ensure_customer(business: Business) -> BillingDetails:
    """The saved billing details, with a customer at the network; call outside of transactions."""
    with system("billing details come before the first payment"):
        details = BillingDetails.of(business)
        if details.pk is None:
            details.save()
    if not details.customer_id:
        customer_id = stripe_gateway.create_customer(details)
        with system("the customer's id"):
            BillingDetails.objects.filter(pk=details.pk, customer_id="").update(
                customer_id=customer_id
            )
            details.refresh_from_db()
    return details
