"""Templates over their life: created, reviewed, edited, deleted."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Value
from django.db.models.functions import Concat
from django.utils import timezone

from hosting.cloudapi import definitions, fields
from hosting.errors import CloudApiError
from hosting.models import Account, Number, Template, TemplateStatus, Transport

LIMIT = 250
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
        ttl_seconds=body.get("message_send_ttl_seconds") if _is_whole(body.get("message_send_ttl_seconds")) else None,
    )
    _judge(template)
    try:
        with transaction.atomic():
            template.save()
    except IntegrityError:
        raise CloudApiError(
            2388023, f"There is a template '{name}' in language '{language}' already.", field="name"
        ) from None
    return template


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -1 <= value <= 2_592_000


def edit_template(template: Template, *, body: dict[str, Any]) -> Template:
    """Change category or components of a template that is not under review, and review it anew."""
    if template.status not in EDITABLE:
        raise CloudApiError(2388039, f"Only an approved, rejected or paused template can be edited: {template.status}.")
    if body.get("category"):
        template.category = fields.choice(body, "category", "template", definitions.CATEGORIES)
    if body.get("components") is not None:
        template.components = definitions.check_components(body["components"], template.category)
    if _is_whole(body.get("message_send_ttl_seconds")):
        template.ttl_seconds = body["message_send_ttl_seconds"]
    _judge(template)
    template.edited_at = template.business.now()
    template.save()
    return template


def _judge(template: Template) -> None:
    """The sandbox approves what is well formed, save a name that asks for rejection; elsewhere somebody reviews."""
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
        name=Concat(Value("deleted_"), "template_id"), status=TemplateStatus.DISABLED, deleted_at=timezone.now()
    )
    if not gone:
        raise CloudApiError(2593002, f"There is no template '{name}' in this account.", field="name")
    return gone
