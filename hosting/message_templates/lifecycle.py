"""Templates over their life: created, reviewed, edited, deleted."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Value
from django.db.models.functions import Concat
from django.utils import timezone

from hosting.cloudapi import definitions, fields
from hosting.errors import CloudApiError
from hosting.message_templates import review
from hosting.models import Account, Number, Template, TemplateStatus, Transport

LIMIT = 250
# The protocol's limits: for codes 30 seconds to 15 minutes, utility to 12 hours, marketing 12 hours to 30 days.
TTL_SECONDS = {
    "authentication": (30, 900),
    "utility": (30, 43_200),
    "marketing": (43_200, 2_592_000),
}
EDITABLE = (TemplateStatus.APPROVED, TemplateStatus.REJECTED, TemplateStatus.PAUSED)


def create_template(*, account: Account, body: dict[str, Any]) -> Template:
    """Create a template from the Cloud API's body and review it where that is ours to do; raises CloudApiError."""
    name, language, category = definitions.check_name(body)
    # Counted under a lock, so that two requests cannot both take the last place.
    Account.objects.select_for_update().get(pk=account.pk)
    if Template.objects.live().filter(account=account).count() >= LIMIT:
        raise CloudApiError(2388019, f"The account has {LIMIT} templates, which is the limit.")
    template = Template(
        business_id=account.business_id,
        account=account,
        name=name,
        language=language,
        category=category,
        components=definitions.check_components(body.get("components"), category),
        parameter_format=fields.choice(
            body, "parameter_format", "template", ("positional", "named"), required=False
        ).upper()
        or "POSITIONAL",
        ttl_seconds=_ttl(body, category),
    )
    _judge(template)
    try:
        with transaction.atomic():
            template.save()
    except IntegrityError:
        raise CloudApiError(
            2388023, f"There is a template '{name}' in language '{language}' already.", field="name"
        ) from None
    _tell_judgement(template)
    return template


def _tell_judgement(template: Template) -> None:
    if template.status != TemplateStatus.PENDING:
        review.tell_status(template)


def _ttl(body: dict[str, Any], category: str) -> int | None:
    """How long delivery may be tried, in seconds; -1 is the longest there is, None the network's own choice."""
    given = body.get("message_send_ttl_seconds")
    if given is None:
        return None
    least, most = TTL_SECONDS[category]
    if given in (-1, "-1"):
        return -1
    return fields.whole(body, "message_send_ttl_seconds", "template", least=least, most=most)


def edit_template(template: Template, *, body: dict[str, Any]) -> Template:
    """Change category or components of a template that is not under review, and review it anew."""
    if template.status not in EDITABLE:
        raise CloudApiError(
            2388039,
            f"Only an approved, rejected or paused template can be edited: {template.status}.",
        )
    if body.get("category"):
        template.category = fields.choice(body, "category", "template", definitions.CATEGORIES)
    if body.get("components") is not None:
        template.components = definitions.check_components(body["components"], template.category)
    if body.get("message_send_ttl_seconds") is not None:
        template.ttl_seconds = _ttl(body, template.category)
    _judge(template)
    template.edited_at = template.business.now()
    template.save()
    _tell_judgement(template)
    return template


def _judge(template: Template) -> None:
    """The sandbox approves what is well formed, save a name that asks for rejection; elsewhere somebody reviews."""
    template.paused_until = None
    numbers = Number.objects.filter(account=template.account)
    if numbers.exclude(transport=Transport.SANDBOX).exists():
        template.status = TemplateStatus.PENDING
    elif "reject" in template.name:
        template.status, template.rejected_reason = TemplateStatus.REJECTED, "INVALID_FORMAT"
    else:
        template.status, template.rejected_reason = TemplateStatus.APPROVED, "NONE"


def delete_templates(*, account: Account, name: str, template_id: str = "") -> int:
    """Delete a template by name in all its languages, or one of them by id; returns how many.

    What was sent still says by which template: the row stays, under a name that nobody sends.
    """
    rows = Template.objects.live().filter(account=account, name=name)
    if template_id:
        rows = rows.filter(template_id=template_id)
    gone = rows.update(
        name=Concat(Value("deleted_"), "template_id"),
        status=TemplateStatus.DISABLED,
        deleted_at=timezone.now(),
    )
    if not gone:
        raise CloudApiError(
            2593002, f"There is no template '{name}' in this account.", field="name"
        )
    return gone
