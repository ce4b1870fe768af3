"""Creating, editing and deleting message templates."""

import copy
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Value
from django.db.models.functions import Concat
from django.utils import timezone

from hosting.cloudapi import definitions, fields
from hosting.errors import CloudApiError
from hosting.message_templates import review
from hosting.models import Account, Number, Template, TemplateStatus, Transport

MAX_TEMPLATES = 250
MAX_LANGUAGES = 100
# The protocol's limits in seconds: authentication 30 s to 15 min, utility to 12 h, marketing 12 h
# to 30 days.
TTL_SECONDS = {
    "authentication": (30, 900),
    "utility": (30, 43_200),
    "marketing": (43_200, 2_592_000),
}
EDITABLE = (TemplateStatus.APPROVED, TemplateStatus.REJECTED, TemplateStatus.PAUSED)


def create_template(*, account: Account, body: dict[str, Any]) -> Template:
    """Create a template from the Cloud API's body; sandbox accounts review it at once.

    Raises CloudApiError.
    """
    name, language, category = definitions.check_name(body)
    # Counted under a lock, so that two requests cannot both pass the limit.
    Account.objects.select_for_update().get(pk=account.pk)
    if Template.objects.live().filter(account=account).count() >= MAX_TEMPLATES:
        raise CloudApiError(
            2388019, f"The account has {MAX_TEMPLATES} templates, which is the limit."
        )
    parts = definitions.check_components(body.get("components"), category)
    template = Template(
        business_id=account.business_id,
        account=account,
        name=name,
        language=language,
        category=category,
        components=parts,
        parameter_format=definitions.check_format(parts, _format(body)),
        ttl_seconds=_ttl(body, category),
    )
    _set_review_status(template)
    try:
        with transaction.atomic():
            template.save()
    except IntegrityError:
        raise CloudApiError(
            2388023, f"There is a template '{name}' in language '{language}' already.", field="name"
        ) from None
    _write_review_event(template)
    return template


def _format(body: dict[str, Any]) -> str:
    """Return the parameter format that the body asks for, or ""."""
    known = ("positional", "named")
    return fields.choice(body, "parameter_format", "template", known, required=False).upper()


def _write_review_event(template: Template) -> None:
    if template.status != TemplateStatus.PENDING:
        review.write_status_event(template)


def _ttl(body: dict[str, Any], category: str) -> int | None:
    """Return the time to live in seconds; -1 for the longest, None for the network's default."""
    given = body.get("message_send_ttl_seconds")
    if given is None:
        return None
    least, most = TTL_SECONDS[category]
    if given in (-1, "-1"):
        return -1
    return fields.integer(body, "message_send_ttl_seconds", "template", least=least, most=most)


def edit_template(template: Template, *, body: dict[str, Any]) -> Template:
    """Change a template's category, components or time to live, and review it again.

    Raises CloudApiError 2388039 while it is under review or disabled.
    """
    if template.status not in EDITABLE:
        raise CloudApiError(
            2388039,
            f"Only an approved, rejected or paused template can be edited: {template.status}.",
        )
    known = ("category", "components", "message_send_ttl_seconds")
    if all(body.get(name) is None for name in known):
        raise CloudApiError(100, f"Nothing to change: a template takes {', '.join(known)}.")
    if body.get("category"):
        template.category = fields.choice(body, "category", "template", definitions.CATEGORIES)
    if body.get("components") is not None:
        template.components = definitions.check_components(body["components"], template.category)
        template.parameter_format = definitions.check_format(template.components, _format(body))
    if body.get("message_send_ttl_seconds") is not None:
        template.ttl_seconds = _ttl(body, template.category)
    _set_review_status(template)
    template.edited_at = template.business.now()
    template.save()
    _write_review_event(template)
    return template


def upsert_templates(*, account: Account, body: dict[str, Any]) -> list[Template]:
    """Create or change one authentication template in several languages; all of them or none.

    Raises CloudApiError. Call inside a transaction.
    """
    languages = body.get("languages")
    if not isinstance(languages, list) or not 1 <= len(languages) <= MAX_LANGUAGES:
        raise CloudApiError(
            100, f"languages must hold 1 to {MAX_LANGUAGES} codes.", field="languages"
        )
    if str(body.get("category", "")).lower() != "authentication":
        raise CloudApiError(
            100, "Only AUTHENTICATION templates are made in several languages.", field="category"
        )
    return [
        _upserted(account, body | {"language": one}) for one in dict.fromkeys(map(str, languages))
    ]


def _upserted(account: Account, body: dict[str, Any]) -> Template:
    # Checking writes into the components, which the other languages need as they came.
    body = copy.deepcopy(body)
    name, language, _ = definitions.check_name(body)
    rows = Template.objects.live().select_related("account", "business")
    found = rows.filter(account=account, name=name, language=language).first()
    return edit_template(found, body=body) if found else create_template(account=account, body=body)


def unpause_template(template: Template) -> Template:
    """End the pause of a template; raises CloudApiError 100 unless a sandbox account paused it."""
    numbers = Number.objects.filter(account=template.account)
    if template.status != TemplateStatus.PAUSED:
        raise CloudApiError(100, f"The template is not paused: {template.status}.")
    if numbers.exclude(transport=Transport.SANDBOX).exists():
        raise CloudApiError(100, "The network paused this template; ask it to end the pause.")
    return review.approve(template)


def _set_review_status(template: Template) -> None:
    """Set the review status: the sandbox approves at once (rejects names with "reject"), others
    wait.
    """
    template.paused_until = None
    numbers = Number.objects.filter(account=template.account)
    if numbers.exclude(transport=Transport.SANDBOX).exists():
        template.status = TemplateStatus.PENDING
    elif "reject" in template.name:
        template.status, template.rejected_reason = TemplateStatus.REJECTED, "INVALID_FORMAT"
    else:
        template.status, template.rejected_reason = TemplateStatus.APPROVED, "NONE"


def delete_templates(*, account: Account, name: str, template_id: str = "") -> int:
    """Delete a template in all its languages, or one of them by id; return how many.

    Rows stay under another name, since sent messages refer to them.
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
