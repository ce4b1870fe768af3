"""Starting: what a business that was just founded gets, so that its first message is minutes away."""

from accounts.models import Business, User
from hosting.models import Account, Handset, Number, Template, TemplateStatus, Transport

# North American numbers that no customer has: 555-01xx is kept for fiction.
PHONE = "14155550123"


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
