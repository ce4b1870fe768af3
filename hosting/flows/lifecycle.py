"""The life of a flow: created, filled with its JSON, published, deprecated or deleted."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from core import widths
from hosting.cloudapi.flow_json import CATEGORIES, MAX_BYTES, validation_errors
from hosting.cloudapi.json import as_list, as_text, unfolded
from hosting.errors import CloudApiError
from hosting.flows import endpoint
from hosting.models import Account, Flow, FlowStatus, Number
from hosting.webhooks import outbox

MAX_FLOWS = 200
FIELD = "flows"


def create(account: Account, given: dict[str, Any]) -> Flow:
    """Create a draft; `clone_flow_id` copies another flow of the account. Raises CloudApiError."""
    if Flow.objects.filter(account=account).count() >= MAX_FLOWS:
        raise CloudApiError(100, f"An account has {MAX_FLOWS} flows at most.", field="name")
    flow = Flow(business_id=account.business_id, account=account, categories=["OTHER"])
    if clone := as_text(given.get("clone_flow_id")):
        origin = Flow.objects.filter(account=account, flow_id=clone).first()
        if origin is None:
            raise CloudApiError(100, "clone_flow_id names no flow here.", field="clone_flow_id")
        flow.categories, flow.source = origin.categories, origin.source
        flow.validation_errors = origin.validation_errors
    if not as_text(given.get("name")):
        raise CloudApiError(100, "name is required.", field="name")
    _set_metadata(flow, given)
    if source := as_text(given.get("flow_json")):
        set_source(flow, source)
    _save(flow)
    if given.get("publish") in (True, "true"):
        publish(flow)
    return flow


def change(flow: Flow, given: dict[str, Any]) -> None:
    """Change name, categories or endpoint of a draft. Raises CloudApiError."""
    if flow.status != FlowStatus.DRAFT:
        raise CloudApiError(139001, "Only a draft can be changed.")
    _set_metadata(flow, given)
    _save(flow)


def _set_metadata(flow: Flow, given: dict[str, Any]) -> None:
    if "name" in given:
        name = as_text(given["name"]).strip()
        if not 1 <= len(name) <= widths.FLOW_NAME:
            raise CloudApiError(
                100, f"name must have 1 to {widths.FLOW_NAME} characters.", field="name"
            )
        flow.name = name
    if "categories" in given:
        flow.categories = _categories(given["categories"])
    if "endpoint_uri" in given:
        flow.endpoint_uri = _endpoint(as_text(given["endpoint_uri"]))


def _categories(raw: Any) -> list[str]:
    found = list(dict.fromkeys(as_text(one).upper() for one in as_list(unfolded(raw))))
    if not found or not set(found) <= set(CATEGORIES):
        raise CloudApiError(
            100, f"categories must be some of {', '.join(CATEGORIES)}.", field="categories"
        )
    return found


def _endpoint(url: str) -> str:
    parts = urlsplit(url) if len(url) <= 2048 else None
    schemes = ("https", "http") if settings.ALLOW_PRIVATE_URLS else ("https",)
    if url and (parts is None or parts.scheme not in schemes or not parts.hostname):
        raise CloudApiError(
            100, "endpoint_uri must be an https URL of 2,048 characters.", field="endpoint_uri"
        )
    return url


def _save(flow: Flow) -> None:
    flow.updated_at = timezone.now()
    try:
        with transaction.atomic():
            flow.save()
    except IntegrityError:
        raise CloudApiError(100, f"Another flow is called '{flow.name}'.", field="name") from None


def set_source(flow: Flow, source: str) -> list[dict[str, Any]]:
    """Set a draft's JSON and return what is wrong with it; save it yourself."""
    if flow.status != FlowStatus.DRAFT:
        raise CloudApiError(139001, "Only a draft can be changed.")
    if len(source.encode()) > MAX_BYTES:
        raise CloudApiError(100, f"A flow has {MAX_BYTES:,} bytes at most.", field="file")
    found = validation_errors(source)
    flow.source, flow.validation_errors = source, found
    return found


def upload(flow: Flow, source: str) -> list[dict[str, Any]]:
    """Set and save a draft's JSON; return what is wrong with it."""
    found = set_source(flow, source)
    _save(flow)
    return found


def publish(flow: Flow) -> None:
    """Publish a draft without errors. Raises CloudApiError 139002."""
    if flow.status != FlowStatus.DRAFT:
        raise CloudApiError(139002, f"The flow is {flow.status}, no draft.")
    if not flow.source or flow.validation_errors:
        raise CloudApiError(139002, "Upload a flow JSON without errors first.")
    if flow.document.get("data_api_version"):
        _check_endpoint(flow)
    _set_status(flow, FlowStatus.PUBLISHED)


def _check_endpoint(flow: Flow) -> None:
    """Raise CloudApiError 139002 unless the endpoint answers the health check of a number."""
    if not flow.endpoint_uri:
        raise CloudApiError(139002, "A flow that exchanges data needs an endpoint_uri.")
    numbers = Number.objects.filter(account=flow.account, settings__has_key="public_key")
    number = numbers.order_by("id").first()
    if number is None:
        raise CloudApiError(
            139002, "Upload a public key for a number first: whatsapp_business_encryption."
        )
    if not endpoint.is_active(flow, number):
        raise CloudApiError(139002, "The endpoint does not answer the health check (ping).")


def deprecate(flow: Flow) -> None:
    """Deprecate a published flow: it cannot be sent any more. Raises CloudApiError 139003."""
    if flow.status != FlowStatus.PUBLISHED:
        raise CloudApiError(139003, f"The flow is {flow.status}, not published.")
    _set_status(flow, FlowStatus.DEPRECATED)


def _set_status(flow: Flow, status: FlowStatus) -> None:
    before, flow.status = flow.status, status
    _save(flow)
    value = {
        "event": "FLOW_STATUS_CHANGE",
        "message": f"Flow {flow.name} changed status from {before} to {status}",
        "flow_id": flow.flow_id,
        "old_status": str(before),
        "new_status": str(status),
    }
    outbox.write_field_calls(account=flow.account, field=FIELD, value=value)


def delete(flow: Flow) -> None:
    """Delete a draft. Raises CloudApiError 139004."""
    if flow.status != FlowStatus.DRAFT:
        raise CloudApiError(139004, "Only a draft can be deleted; deprecate the flow instead.")
    flow.delete()


def migrate(
    account: Account, origin: Account, names: Sequence[str]
) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Copy flows of another account as drafts; returns those copied and those that failed."""
    copied, failed = [], []
    rows = {flow.name: flow for flow in Flow.objects.filter(account=origin).order_by("id")}
    for name in names or list(rows):
        flow = rows.get(name)
        try:
            if flow is None:
                raise CloudApiError(100, "Flow name not found in source WABA.")
            made = create(
                account,
                {"name": name, "categories": flow.categories, "flow_json": flow.source},
            )
        except CloudApiError as error:
            failed.append(
                {"source_name": name, "error_code": "4233041", "error_message": error.details}
            )
        else:
            assert flow is not None
            copied.append(
                {"source_name": name, "source_id": flow.flow_id, "migrated_id": made.flow_id}
            )
    return copied, failed
