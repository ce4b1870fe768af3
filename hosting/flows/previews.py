"""Public links to the preview of a flow, valid for 30 days."""

from datetime import datetime, timedelta

from django.core import signing
from django.utils import timezone

from core import links
from core.tenancy import scope
from hosting.models import Flow

LIFETIME = timedelta(days=30)
_SIGNER = signing.TimestampSigner(salt="hosting.flows.previews")


def preview_of(flow: Flow) -> tuple[str, datetime]:
    """Return the address of a flow's preview, and when it expires."""
    token = _SIGNER.sign(f"{flow.business_id}-{flow.pk}")
    return links.absolute(f"/flows/preview/{token}"), timezone.now() + LIFETIME


def previewed(token: str) -> Flow | None:
    """Return the flow of a preview's token; None for one that is forged, expired or gone."""
    try:
        business_id, _, pk = _SIGNER.unsign(token, max_age=LIFETIME).partition("-")
    except signing.BadSignature:
        return None
    with scope(int(business_id)):
        return Flow.objects.filter(business_id=int(business_id), pk=int(pk)).first()
