"""A webhook counts only within the account whose secret signed it, whatever ids its body names.

M and V are two businesses that have nothing to do with each other. The bodies are generated: every
kind of update that the code knows, with each of its values replaced by each id of V's.
"""

import copy
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.conf import settings
from django.test import Client

from core.tenancy import system
from hosting.cloudapi import samples
from hosting.cloudapi.webhooks import NumberMetadata, sign
from hosting.inbound import events
from hosting.models import (
    Block,
    Contact,
    Conversation,
    Delivery,
    Event,
    EventSource,
    Media,
    Message,
    Number,
    Outgoing,
    ParkedStatus,
    Transport,
    Upstream,
)
from hosting.transports import sandbox
from shops.chat import orders_intake
from shops.models import Catalog
from tests.factories import make_business, make_messages, make_number, make_template
from tests.hosting.inbound.test_events import KINDS, REFERRAL, message
from tests.hosting.inbound.test_payloads import field_body
from tests.hosting.messages.test_endpoints import NOON, TO, status
from tests.hosting.messages.test_incoming_endpoint import webhook
from tests.tenant_rows import changed, rows_of

Path = tuple[str | int, ...]
_count = itertools.count(1)
ABOUT = {"reaction": "message_id", "edit": "original_message_id", "revoke": "original_message_id"}


@dataclass
class Site:
    """A business with a number in the sandbox, one behind an upstream, and rows of every kind."""

    sandbox: Number
    behind: Number
    ids: dict[str, str] = field(default_factory=dict)


def make_site(name: str, n: int) -> Site:
    business = make_business(name, clock_at=NOON)
    site = Site(make_number(business), make_number(business))
    with system("test"):
        put_behind(site.behind, n)
        known(site, n)
        for number in (site.sandbox, site.behind):
            ParkedStatus.objects.create(
                business=business, phone_number_id=number.phone_number_id, wamid=f"wamid.park{n}",
                status="sent", occurred_at=NOON,
            )  # fmt: skip
    return site


def put_behind(number: Number, n: int) -> None:
    number.transport, number.upstream_id = Transport.CLOUDAPI, f"70000{n}"
    number.save()
    Upstream.objects.create(
        business=number.business, account=number.account, base_url="http://127.0.0.1:9/v23.0",
        waba_id=f"888{n}", token="t", app_secret=f"upstream-secret-{n}",
    )  # fmt: skip


def known(site: Site, n: int) -> None:
    """Messages that wait, that were delivered, that may have left; a file, a shop, a block."""
    business, number = site.sandbox.business, site.sandbox
    wa_id = f"4915100000{n}"
    (waiting,) = make_messages(business, number, 1, to=wa_id, status="accepted")
    (sent,) = make_messages(business, number, 1, to=wa_id, status="sent")
    (unknown,) = make_messages(business, site.behind, 1, to=wa_id, status="accepted")
    (there,) = make_messages(business, site.behind, 1, to=wa_id, status="sent")
    Message.objects.filter(pk=there).update(upstream_wamid=f"wamid.there{n}")
    Outgoing.objects.create(
        message_id=unknown, business=business, number=site.behind, transport="cloudapi",
        state="unknown",
    )  # fmt: skip
    Contact.objects.filter(business=business).update(user_id=f"DE.{n}77", name=f"Customer {n}")
    Conversation.objects.filter(business=business).update(last_inbound_at=NOON - timedelta(days=3))
    Block.objects.create(business=business, number=number, wa_id=wa_id)
    template = make_template(number, f"offer_{n}", upstream_id=f"5500{n}")
    media = Media.objects.create(
        business=business, mime_type="image/png", size=1, sha256=f"{n:064}"
    )
    catalog = Catalog.objects.create(
        number=number, business=business, name="Shop", slug=f"shop-{n}", currency="USD"
    )
    wamids = dict(Message.objects.filter(pk__in=[waiting, sent]).values_list("pk", "wamid"))
    site.ids = {
        "phone_number_id": number.phone_number_id, "number behind": site.behind.phone_number_id,
        "number there": site.behind.upstream_id, "account": number.account.waba_id,
        "account there": f"888{n}", "waiting": wamids[waiting], "sent": wamids[sent],
        "there": f"wamid.there{n}", "tracker": f"parley:{unknown}", "parked": f"wamid.park{n}",
        "customer": wa_id, "user id": f"DE.{n}77", "media": media.media_id,
        "template": f"offer_{n}", "template id": template.template_id,
        "catalog": catalog.catalog_id,
    }  # fmt: skip


@pytest.fixture
def m(db: None) -> Site:
    return make_site("M", 1)


@pytest.fixture
def v(db: None) -> Site:
    return make_site("V", 2)


def bodies_of(number: Number) -> list[dict[str, Any]]:
    """A body for each kind of message and of status, and for each field that is not about them."""
    found = [
        webhook(number, messages=[message(kind, f"wamid.f{n}", **members)])
        for n, (kind, members, _) in enumerate(KINDS)
    ]
    for n, (kind, key) in enumerate(ABOUT.items()):
        held: dict[str, Any] = {
            kind: {
                key: "wamid.f0",
                "emoji": "x",
                "message": {"type": "text", "text": {"body": "x"}},
            }
        }
        found.append(webhook(number, messages=[message(kind, f"wamid.g{n}", **held)]))
    changes: dict[str, Any] = {
        "system": {"type": "user_changed_number", "wa_id": "4915199999", "body": "changed"}
    }
    found.append(webhook(number, messages=[message("system", "wamid.h", **changes)]))
    found.append(
        webhook(
            number, messages=[message("text", "wamid.i", text={"body": "ad"}, referral=REFERRAL)]
        )
    )
    for kind in ("sent", "delivered", "read", "failed", "played"):
        more: dict[str, Any] = {
            "biz_opaque_callback_data": "parley:1",
            "errors": [{"code": 131026, "title": "by M"}],
        }
        found.append(webhook(number, statuses=[status("wamid.s", kind, **more)]))
    names = NumberMetadata(number.account.waba_id, number.phone_number_id, number.digits)
    found += [samples.sample_body(name, names, at=NOON) for name in ("messages", *samples.VALUES)]
    category = {"message_template_id": 1, "message_template_name": "x",
                "message_template_language": "en_US", "new_category": "MARKETING"}  # fmt: skip
    for name in ("template_category_update", "made_up"):
        found.append(field_body(number, name, category))
    about = {"metadata": {"phone_number_id": number.phone_number_id}}
    found += [field_body(number, name, about | value) for name, value in OTHERS.items()]
    return [orjson.loads(body) for body in found]


# Fields that name customers, messages, groups.
_SAID = {"from": TO, "id": "wamid.x", "timestamp": "1796000000", "type": "text", "text": {}}
OTHERS: dict[str, dict[str, Any]] = {
    "user_preferences": {
        "user_preferences": [{"wa_id": TO, "category": "marketing_messages", "value": "stop"}]
    },
    "calls": {"calls": [{"id": "wacid.x", "from": TO, "event": "terminate"}]},
    "smb_message_echoes": {"message_echoes": [_SAID | {"to": TO}]},
    "history": {"history": [{"threads": [{"id": TO, "messages": [_SAID]}]}]},
    "smb_app_state_sync": {"state_sync": [{"contact": {"phone_number": TO, "full_name": "M"}}]},
    "group_lifecycle_update": {"groups": [{"group_id": "G", "subject": "M"}]},
}


def leaves(held: Any, path: Path = ()) -> Iterator[Path]:
    if isinstance(held, dict | list):
        pairs = held.items() if isinstance(held, dict) else enumerate(held)
        for key, value in pairs:
            yield from leaves(value, (*path, key))
    else:
        yield path


def with_value(body: dict[str, Any], *changes: tuple[Path, str]) -> bytes:
    bent = copy.deepcopy(body)
    for path, value in changes:
        at: Any = bent
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value
    bent["n"] = next(_count)
    return orjson.dumps(bent)


def generated(number: Number, v: Site) -> Iterator[bytes]:
    """Bodies about M's number in which one id is V's, or the number and one more id are."""
    ids = [*v.ids.values()]
    seen: set[Path] = set()
    for body in bodies_of(number):
        for path in leaves(body):
            # What all messages have alike is bent in the first of them.
            if path[-1] not in ID_KEYS or (path in seen and path[-1] in ALIKE):
                continue
            seen.add(path)
            yield from (with_value(body, (path, one)) for one in ids)
            place = path_of_number(body)
            if place and place != path:
                named = v.sandbox.phone_number_id
                yield from (with_value(body, (place, named), (path, one)) for one in ids)


def path_of_number(body: dict[str, Any]) -> Path | None:
    return next((path for path in leaves(body) if path[-1] == "phone_number_id"), None)


ID_KEYS = (
    "phone_number_id", "id", "from", "from_user_id", "message_id", "original_message_id", "wa_id",
    "user_id", "biz_opaque_callback_data", "message_template_name", "message_template_id",
    "catalog_id", "recipient_id", "entity_id", "source_id", "to", "group_id", "phone_number",
)  # fmt: skip


ALIKE = ("phone_number_id", "id", "from", "wa_id", "recipient_id")


def apply_all() -> None:
    while events.apply_due():
        pass
    events.unpark()
    while orders_intake.process_due():
        pass


SOURCES = list(EventSource.values)


@pytest.mark.timeout(170)
@pytest.mark.parametrize(
    "step",
    # Every seventh, of each source others; the number of ids is no multiple of it.
    [7, pytest.param(1, marks=pytest.mark.long)],
)
@pytest.mark.parametrize("source", SOURCES)
def test_nothing_that_m_signs_changes_a_row_of_v(m: Site, v: Site, source: str, step: int) -> None:
    number = m.behind if source == EventSource.UPSTREAM else m.sandbox
    before = rows_of(v.sandbox.business_id)
    with system("test"):
        bodies = list(generated(number, v))[SOURCES.index(source) % step :: step]
        for body in bodies:
            events.store_event(body=body, account_id=number.account_id, source=source)
    apply_all()
    assert len(v.ids) % 7 != 0
    assert len(bodies) > 1000 // step
    assert changed(before, rows_of(v.sandbox.business_id)) == {}
    with system("test"):
        waiting = Event.objects.filter(applied_at=None)
        assert [(one.attempts, one.last_error) for one in waiting] == []
        assert not Event.objects.exclude(dead_at=None).exists()


def post(number: Number, body: bytes, secret: str) -> int:
    response = Client().post(
        f"/webhooks/{number.account.waba_id}", body, content_type="application/json",
        headers={"X-Hub-Signature-256": sign(body, secret)},
    )  # fmt: skip
    return response.status_code


def test_the_attack_by_a_parked_status(m: Site, v: Site) -> None:
    """M posts to its own address, with its own secret, V's number and V's message."""
    before = rows_of(v.sandbox.business_id)
    for wamid, kind in itertools.product(
        (v.ids["waiting"], "wamid.later"), ("delivered", "failed")
    ):
        told = status(wamid, kind, errors=[{"code": 1, "title": "M's words"}])
        body = webhook(v.sandbox, statuses=[told])
        for number, secret in (
            (m.sandbox, m.sandbox.account.app_secret),
            (m.behind, "upstream-secret-1"),
        ):
            assert post(number, body, secret) == 200
    apply_all()
    assert changed(before, rows_of(v.sandbox.business_id)) == {}
    with system("test"):
        # V sends the message that M named beforehand: nothing of M's comes back to it.
        (made,) = make_messages(v.sandbox.business, v.sandbox, 1, status="accepted")
        Message.objects.filter(pk=made).update(wamid="wamid.later")
        assert not ParkedStatus.objects.exclude(wamid__startswith="wamid.park").exists()
    apply_all()
    with system("test"):
        message = Message.objects.get(pk=made)
        assert (message.status, message.errors) == ("accepted", None)
        assert not Delivery.objects.exists()


def test_what_was_dropped_is_noted_by_ids_only(m: Site, v: Site) -> None:
    body = webhook(v.sandbox, messages=[message("text", text={"body": "a secret text"})])
    assert post(m.sandbox, body, m.sandbox.account.app_secret) == 200
    apply_all()
    with system("test"):
        noted = Event.objects.get().last_error
    assert noted == f"unknown phone_number_id: ['{v.sandbox.phone_number_id}']"


def test_a_tracker_that_m_names_does_not_take_the_place_of_vs_own(m: Site, v: Site) -> None:
    """Both in one batch: V's upstream settles V's message, whatever M's said of the same one."""
    told: dict[str, Any] = {"biz_opaque_callback_data": v.ids["tracker"]}
    mine = status("wamid.m", "delivered", **told)
    theirs = status("wamid.v", "delivered", **told)
    with system("test"):
        for number, one in ((v.behind, theirs), (m.behind, mine)):
            events.store_event(
                body=webhook(number, statuses=[one]), account_id=number.account_id,
                source=EventSource.UPSTREAM,
            )  # fmt: skip
    apply_all()
    with system("test"):
        settled = Message.objects.get(pk=int(v.ids["tracker"].removeprefix("parley:")))
        assert (settled.upstream_wamid, settled.status) == ("wamid.v", "delivered")


def test_the_platforms_own_secret_still_speaks_for_every_number(m: Site, v: Site) -> None:
    for n, number in enumerate((m.sandbox, v.sandbox)):
        body = webhook(number, messages=[message("text", f"wamid.p{n}", text={"body": "hi"})])
        response = Client().post(
            "/webhooks/", body, content_type="application/json",
            headers={"X-Hub-Signature-256": sign(body, settings.APP_SECRET)},
        )  # fmt: skip
        assert response.status_code == 200
    apply_all()
    with system("test"):
        found = Message.objects.filter(wamid__in=["wamid.p0", "wamid.p1"]).order_by("wamid")
        assert [row.number_id for row in found] == [m.sandbox.pk, v.sandbox.pk]


def test_a_sandbox_phone_of_m_reaches_m_alone(m: Site, v: Site) -> None:
    from hosting.models import SimulatedPhone

    before = rows_of(v.sandbox.business_id)
    with system("test"):
        phone = SimulatedPhone.objects.create(business=m.sandbox.business, wa_id=TO, name="x")
        for name in v.ids.values():
            sandbox.send_from_phone(
                simulated_phone=phone, number=m.sandbox, kind="reaction", context=name,
                content={"message_id": name, "emoji": "x"},
            )  # fmt: skip
            sandbox.send_from_phone(
                simulated_phone=phone, number=m.sandbox, kind="image", content={"id": name}
            )
    apply_all()
    assert changed(before, rows_of(v.sandbox.business_id)) == {}
