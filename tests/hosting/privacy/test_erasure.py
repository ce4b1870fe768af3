"""Erasure: no trace of a customer in the database, the files or the logs; charges, invoices and
counts byte-equal.
"""

import io
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from accounts.models import AuditEntry, Business
from billing.invoices import close
from billing.metering import meter
from billing.models import Quarantine
from core.tenancy import scope, system
from hosting.contacts import number_changes
from hosting.inbound import events
from hosting.media import thumbnails
from hosting.media.store import store_media
from hosting.models import (
    Block,
    ChatExport,
    ChatImport,
    Contact,
    Conversation,
    Delivery,
    Erasure,
    Event,
    Media,
    Message,
    Number,
    ParkedStatus,
    SimulatedPhone,
    Webhook,
)
from hosting.privacy import erasure
from tests.databases import admin
from tests.factories import make_business, make_deliveries, make_number
from tests.hosting.api.test_rest import Api, picture
from tests.hosting.search.test_engine import say

WHO, BEFORE, NAME = "4915123456789", "4915187654321", "Zebulon Quax"
SECRETS = [WHO, BEFORE, "Zebulon", "Quax", "marzipan", "my private alias", "US.77zebu", "pomelo"]
KEPT = (
    "billing_charge",
    "billing_invoice",
    "billing_invoiceline",
    "billing_usage",
    "billing_tally",
    "hosting_hostedcount",
)


@pytest.fixture
def media(tmp_path: Path, settings: Any) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def dump() -> dict[str, bytes]:
    """Every table as COPY writes it, read as superuser."""
    with admin(connection.settings_dict["NAME"]) as database:
        tables = database.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        found = {}
        for (table,) in tables:
            # COPY of a query shows generated columns too, such as the words of the search index.
            with database.cursor().copy(
                f'COPY (SELECT * FROM "{table}" ORDER BY 1) TO STDOUT'
            ) as copy:
                found[table] = b"".join(bytes(part) for part in copy)
        return found


def traces(rows: dict[str, bytes], secrets: list[str]) -> list[tuple[str, str]]:
    """(table, secret) wherever one stands, as text or as the hexadecimal digits of bytes."""
    return [
        (table, secret)
        for table, content in rows.items()
        for secret in secrets
        if secret.encode() in content or secret.encode().hex().encode() in content
    ]


def files(folder: Path) -> Iterator[bytes]:
    return (path.read_bytes() + path.name.encode() for path in folder.rglob("*") if path.is_file())


def inbound(
    number: Number, text: str, *, wa_id: str, name: str, wamid: str, at: int = 1777636800
) -> bytes:
    """A webhook body as the network sends it."""
    line = {"display_phone_number": number.digits, "phone_number_id": number.phone_number_id}
    said = {
        "from": wa_id,
        "id": wamid,
        "timestamp": str(at),
        "type": "text",
        "text": {"body": text},
    }
    value = {
        "messaging_product": "whatsapp",
        "metadata": line,
        "messages": [said],
        "contacts": [{"profile": {"name": name, "username": "@pomelo"}, "wa_id": wa_id}],
    }
    change = {"field": "messages", "value": value}
    entry = [{"id": number.account.waba_id, "changes": [change]}]
    return json.dumps({"object": "whatsapp_business_account", "entry": entry}).encode()


def a_life(number: Number) -> Contact:
    """A customer who left something everywhere."""
    business = number.business
    with system("test"):
        Webhook.objects.create(
            business=business, account=number.account, url="https://a.example/", is_active=True
        )
    body = inbound(number, "I love marzipan", wa_id=BEFORE, name=NAME, wamid="wamid.one")
    events.store_event(body=body, account_id=None)
    events.apply_due()
    with scope(business.pk):
        number_changes.change_number(
            business_id=business.pk, old=BEFORE, new=WHO, at=timezone.now()
        )
        contact = Contact.objects.get(wa_id=WHO)
        Contact.objects.filter(pk=contact.pk).update(alias="my private alias", user_id="US.77zebu")
        contact.refresh_from_db()
        own = store_media(
            business=business, content=picture(), mime_type="image/png", filename="Zebulon.png"
        )
    say(
        number,
        "marzipan photo",
        to=WHO,
        kind="image",
        content={"id": own.media_id, "caption": "marzipan"},
    )
    Api(business).ask("PATCH", f"contacts/{contact.pk}/", {"alias": "my private alias"})
    with system("test"):
        Conversation.objects.filter(contact=contact).update(last_inbound_at=business.now())
    sent = {"from": number.phone_number_id, "to": WHO, "text": {"body": "marzipan is here"}}
    status, _ = Api(business).ask("POST", "messages/", sent, **{"Idempotency-Key": f"order-{WHO}"})
    assert status == 201
    _exported_and_imported(number, contact)
    thumbnails.thumbnail_of(own)
    with system("test"):
        Block.objects.create(business=business, number=number, wa_id=WHO)
        SimulatedPhone.objects.create(business=business, wa_id=WHO, name=NAME)
        ParkedStatus.objects.create(
            business=business,
            recipient=WHO,
            phone_number_id=number.phone_number_id,
            wamid="wamid.parked",
            status="failed",
            occurred_at=timezone.now(),
            errors=[{"message": f"{WHO} is away"}],
        )
        LogEntry.objects.create(
            user=_operator(),
            content_type=ContentType.objects.get_for_model(Contact),
            object_id=str(contact.pk),
            object_repr=NAME,
            action_flag=CHANGE,
            change_message=f"alias of {NAME}",
        )
    return contact


def _exported_and_imported(number: Number, contact: Contact) -> None:
    """Exports and imports, done and under way, of this customer, of all, and of somebody else."""
    with system("test"):
        for n, (title, of) in enumerate(((NAME, contact), (number.business.name, None))):
            for state in ("done", "running"):
                path = default_storage.save(
                    f"history/e{n}{state}", ContentFile(f"{WHO} marzipan".encode())
                )
                ChatExport.objects.create(
                    business=number.business,
                    format="csv",
                    title=title,
                    contact=of,
                    state=state,
                    path=path,
                    filename=f"{title}.csv",
                    parts=0,
                )
        for source, of in (("whatsapp", contact), ("csv", None)):
            path = default_storage.save(
                f"history/i{source}", ContentFile(f"{WHO} marzipan".encode())
            )
            ChatImport.objects.create(
                business=number.business,
                source=source,
                contact=of,
                state="done",
                path=path,
                filename=f"Chat with {NAME}.txt",
                preview={"senders": [NAME]},
                answers={"contact": WHO},
            )


def _operator() -> Any:
    from accounts.models import User

    return User.objects.create_superuser("ops@example.com")


def _quarantine(number: Number) -> None:
    with system("test"):
        Quarantine.objects.create(
            message_id=10**9,
            business_id=number.business_id,
            number_id=number.pk,
            recipient=WHO,
            category="utility",
            window_open=False,
            free_entry=False,
            delivered_at=timezone.now(),
            reason="no_rate",
        )


def test_no_trace_is_left_and_money_is_byte_equal(
    committed_db: None, media: Path, redis: Any
) -> None:
    number = make_number(make_business())
    business, month = number.business, datetime(2026, 5, 10, tzinfo=UTC).date().replace(day=1)
    contact = a_life(number)
    make_deliveries(business, number, 3, to=WHO)
    meter.meter_due()
    with system("test"):
        close.close_period(business=Business.objects.get(pk=business.pk), month=month)
    make_deliveries(business, number, 2, to=WHO, at=datetime(2026, 6, 3, tzinfo=UTC))
    _quarantine(number)
    say(number, "the other one likes nougat", to="14155550100")
    before = dump()
    assert {secret for _, secret in traces(before, SECRETS)} == set(SECRETS)
    assert {table for table, _ in traces(before, SECRETS)} >= {
        "hosting_contact",
        "hosting_message",
        "hosting_event",
        "hosting_webhookcall",
        "hosting_idempotentreply",
        "hosting_parkedstatus",
        "hosting_block",
        "hosting_simulatedphone",
        "hosting_formernumber",
        "hosting_delivery",
        "hosting_chatexport",
        "hosting_chatimport",
        "billing_quarantine",
        "django_admin_log",
        "hosting_conversation",
        "hosting_media",
    }
    assert picture().getvalue() in [
        content[: len(picture().getvalue())] for content in files(media)
    ]

    assert Api(business).ask("DELETE", f"contacts/{contact.pk}/")[0] == 202
    assert erasure.erase_due() == 1

    after = dump()
    assert traces(after, SECRETS) == []
    left = list(files(media))
    assert [secret for secret in SECRETS for content in left if secret.encode() in content] == []
    assert not any(picture().getvalue() in content for content in left)
    assert [
        path for path in media.rglob("*") if path.is_file() and "erasures" not in path.parts
    ] == []
    assert {table: after[table] for table in KEPT} == {table: before[table] for table in KEPT}
    assert b"nougat" in after["hosting_message"]
    with system("test"):
        assert (Contact.objects.count(), Erasure.objects.get().contact_id) == (1, None)
        assert Event.objects.get().body == b""
        states = ChatExport.objects.order_by("id").values_list("state", "title", "path")
        assert list(states) == [
            ("expired", "[erased]", ""),
            ("cancelled", "[erased]", ""),
            ("expired", business.name, ""),
            ("cancelled", business.name, ""),
        ]
        assert (
            list(ChatImport.objects.values_list("state", "filename", "path"))
            == [("done", "[erased]", "")] * 2
        )
        assert Quarantine.objects.get().recipient == "49151230000"
        assert sorted(Delivery.objects.values_list("recipient", flat=True)) == ["4915123000000"] * 2
        assert AuditEntry.objects.filter(action="contact.erased").count() == 1
    # What waited for its price is priced by the digits that decide the market.
    assert meter.meter_due() == 2
    assert erasure.erase_due() == 0


def test_a_restored_backup_forgets_again(committed_db: None, media: Path, redis: Any) -> None:
    number = make_number(make_business())
    contact = a_life(number)
    with scope(number.business_id):
        erasure.request_erasure(contact=contact)
    erasure.erase_due()
    with system("the database is put back to before the erasure"):
        Erasure.objects.all().delete()
        Event.objects.all().delete()
    say(number, "marzipan again", to=BEFORE)
    say(number, "nougat", to="14155550100")
    with system("test"):
        Contact.objects.filter(wa_id=BEFORE).update(created_at=timezone.now() - timedelta(days=9))
    out = io.StringIO()
    call_command("reapply_erasures", stdout=out)
    assert out.getvalue() == "1 forgotten customers were back; 1 are forgotten again.\n"
    assert traces(dump(), ["marzipan", BEFORE]) == []
    with system("test"):
        assert list(Message.objects.values_list("text", flat=True)) == ["nougat"]


def test_who_writes_again_is_a_new_customer(committed_db: None, media: Path, redis: Any) -> None:
    number = make_number(make_business())
    contact = a_life(number)
    body = inbound(number, "I love marzipan", wa_id=BEFORE, name=NAME, wamid="wamid.one")
    with scope(number.business_id):
        erasure.request_erasure(contact=contact)
    erasure.erase_due()
    events.store_event(body=body, account_id=None)  # the network repeats what it sent before
    events.apply_due()
    with system("test"):
        assert Message.objects.count() == 0
    fresh = inbound(
        number, "hello again", wa_id=WHO, name=NAME, wamid="wamid.two", at=int(time.time()) + 5
    )
    events.store_event(body=fresh, account_id=None)
    events.apply_due()
    assert erasure.reapply() == 0
    with system("test"):
        assert list(Message.objects.values_list("text", flat=True)) == ["hello again"]


@pytest.mark.django_db
def test_a_file_that_went_to_others_too_stays_with_them(media: Path) -> None:
    number = make_number(make_business())
    with scope(number.business_id):
        shared = store_media(
            business=number.business, content=picture(), mime_type="image/png", filename="menu.png"
        )
        twin = store_media(
            business=number.business, content=picture(), mime_type="image/png", filename="own.png"
        )
    say(number, "menu", kind="image", content={"id": shared.media_id}, to=WHO)
    say(number, "menu", kind="image", content={"id": shared.media_id}, to="14155550100")
    say(number, "own", kind="image", content={"id": twin.media_id}, to=WHO)
    with scope(number.business_id):
        erasure.request_erasure(contact=Contact.objects.get(wa_id=WHO))
    assert erasure.erase_due() == 1
    with system("test"):
        assert [row.media_id for row in Media.objects.all()] == [shared.media_id]
    assert (media / shared.path).exists()
