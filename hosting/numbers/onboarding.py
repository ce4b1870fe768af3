"""Onboarding: additional numbers, and the sandbox of a new business."""

import secrets

from django.db import IntegrityError, transaction

from accounts.audit import record
from accounts.models import Business, User
from core import widths
from core.errors import ParleyError
from hosting.models import Account, Number, SimulatedPhone, Template, TemplateStatus, Transport

# 555-01xx is reserved for fiction in North America, so no customer has it.
SAMPLE_PHONE = "14155550123"


class NumberLimitReached(ParleyError):
    """The plan's limit of numbers is reached."""

    code = "numbers_limit"
    status = 409


def add_number(business: Business) -> Number:
    """Add a sandbox number, a test one, to the business's first account; raise NumberLimitReached.

    Call inside the business's scope.
    """
    account = Account.objects.filter(business=business).order_by("id").first()
    try:
        with transaction.atomic():
            number = Number.objects.create(
                business=business,
                account=account or Account.objects.create(business=business, name=business.name),
                # No numbers are assigned under 1555.
                digits=f"1555{secrets.randbelow(10**7):07}",
                verified_name=business.name,
                transport=Transport.SANDBOX,
                is_test=True,
            )
    except IntegrityError as error:
        found = getattr(error.__cause__, "diag", None)
        if found is None or found.constraint_name != "numbers_within_plan":
            raise
        raise NumberLimitReached(found.message_primary) from None
    record.record(action="number.added", subject=number, business=business)
    return number


def create_sandbox(business: Business, owner: User) -> None:
    """Create an account with a sandbox number, an approved template and a simulated phone."""
    account = Account.objects.create(business=business, name=business.name)
    Number.objects.create(
        business=business,
        account=account,
        digits=f"1555{business.pk % 10**7:07}",
        verified_name=business.name,
        transport=Transport.SANDBOX,
        is_test=True,
    )
    Template.objects.create(
        business=business,
        account=account,
        name="hello_world",
        language="en_US",
        category="utility",
        status=TemplateStatus.APPROVED,
        components=[{"type": "BODY", "text": "Hello! This is your first message."}],
    )
    SimulatedPhone.objects.create(
        business=business, wa_id=SAMPLE_PHONE, name=str(owner)[: widths.PERSON_NAME]
    )
