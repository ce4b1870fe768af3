"""Who may ask the Cloud API and the admin."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin

from accounts.admin_site.base import ReadOnlyAdmin
from tests.test_matrix import (
    PARTS,
    SESSIONS,
    _addresses,
    _ask,
    _cloud,
    in_parts,
    stage,
)

# Fixtures.
__all__ = ["stage"]
pytestmark = pytest.mark.django_db


def test_the_cloud_api_opens_to_live_keys_alone_and_finds_nothing_of_strangers(
    stage: dict[str, Any],
) -> None:
    own_number, own_account = stage["names"]["number"], stage["names"]["waba"]
    wrong = []
    for name, path in _cloud_paths(own_number, own_account):
        for method in ("GET", "POST", "DELETE"):
            for role in (*SESSIONS, "stranger's key"):
                status = _ask(stage["clients"][role], method, path)
                allowed = {400, 404, 405} if role == "stranger's key" else {400, 401, 405}
                if status not in allowed:
                    wrong.append(f"{name} {method} {role}: {status}")
            if _ask(stage["clients"]["own key"], method, path) in (401, 403, 500):
                wrong.append(f"{name} {method} own key")
    assert not wrong, "\n".join(wrong)


# Reached by any live key, or by a signed link; tested in tests/hosting.
NOT_BY_NUMBER = {
    "incoming_webhooks",
    "media_download",
    "cloudapi_messages_by_key",
    "cloudapi_media_by_key",
    "cloudapi_uploads",
    "cloudapi_upload",
}


def _cloud_paths(number: str, account: str) -> Iterator[tuple[str, str]]:
    for name, pattern in _addresses():
        if _cloud(name) and name not in NOT_BY_NUMBER:
            path = (
                pattern.replace(r"^(?:v[0-9]+(?:\.[0-9]+)?/)?", "/v23.0/")
                .rstrip("$")
                .replace("/?", "")
            )
            path = path.replace("(?P<phone_number_id>[0-9]{1,32})", number).replace(
                "(?P<object_id>[0-9]{1,32})", number
            )
            path = path.replace("(?P<waba_id>[0-9]{1,32})", account).replace(
                "(?P<business_id>[0-9]{1,32})", account
            )
            path = path.replace("(?P<name>analytics|[a-z]{1,30}_analytics)", "analytics")
            path = path.replace("(?P<code>[A-Z0-9]{1,14})", "ABC").replace(
                "(?:owned|client)", "owned"
            )
            assert not set("(?[^$") & set(path), f"say how to fill {name}: {path}"
            yield name, path


@in_parts
def test_the_admin_is_for_operators_with_permission(stage: dict[str, Any], part: int) -> None:
    wrong = []
    for model, pages in list(admin.site._registry.items())[part::PARTS]:
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        for role, expected in (
            ("owner", 302),
            ("operator without permission", 403),
            ("operator", 200),
        ):
            if (status := _ask(stage["clients"][role], "GET", base)) != expected:
                wrong.append(f"{base} {role}: {status}")
        for role in (*SESSIONS[:-3], "revoked key"):
            if (status := _ask(stage["clients"][role], "GET", base + "add/")) != 302:
                wrong.append(f"{base}add/ {role}: {status}")
        adding = 403 if isinstance(pages, ReadOnlyAdmin) else 200
        if (status := _ask(stage["clients"]["operator"], "GET", base + "add/")) != adding:
            wrong.append(f"{base}add/ operator: {status}")
    assert not wrong, "\n".join(wrong)
