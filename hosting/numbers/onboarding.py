"""Starting: what a business that was just founded gets, so that its first message is minutes away."""

import secrets

from django.db import IntegrityError, transaction

from accounts.audit import record
from accounts.models import Business, User
from core.errors import ParleyError
from hosting.models import Account, Handset, Number, Template, TemplateStatus, Transport

# North American numbers that no customer has: 555-01xx is kept for fiction.
PHONE = "14155550123"


class NoMoreNumbers(ParleyError):
    """The plan's numbers are taken."""

    code = "numbers_limit"
    status = 409


def add_number(business: Business) -> Number:
    """One more sandbox number, in the business's first account; within its scope. Raises NoMoreNumbers."""
    account = Account.objects.filter(business=business).order_by("id").first()
    try:
        with transaction.atomic():
            number = Number.objects.create(
                business=business,
                account=account or Account.objects.create(business=business, name=business.name),
                # 1555 is no country's area: seven digits of chance after it are nobody's.
                digits=f"1555{secrets.randbelow(10**7):07}",
                verified_name=business.name,
                transport=Transport.SANDBOX,
            )
    except IntegrityError as error:
        found = getattr(error.__cause__, "diag", None)
        if found is None or found.constraint_name != "numbers_within_plan":
            raise
        raise NoMoreNumbers(found.message_primary) from None
    record.record(action="number.added", subject=number, business=business)
    return number


def give_sandbox(business: Business, owner: User) -> None:
    """An account with a sandbox number, an approved template, and a simulated phone to write to."""
    account = Account.objects.create(business=business, name=business.name)
    Number.objects.create(
        business=business,
        account=account,
        digits=f"1555{business.pk % 10**7:07}",
        verified_name=business.name,
        transport=Transport.SANDBOX,
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
    Handset.objects.create(business=business, wa_id=PHONE, name=str(owner)[:120])
