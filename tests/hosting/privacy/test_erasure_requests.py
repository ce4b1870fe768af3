"""Requests to erase: holds, repetition, the audit log, the copy of what is kept."""

import contextlib
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.utils import timezone

from accounts.audit import record
from accounts.models import AuditEntry
from core.tenancy import scope, system
from hosting.media.store import store_media
from hosting.models import (
    Contact,
    Erasure,
    IdempotentReply,
    Message,
    Number,
    Webhook,
    WebhookCall,
)
from hosting.privacy import erasure
from tests.factories import make_business, make_number
from tests.hosting.api.test_rest import Api, picture
from tests.hosting.privacy.test_erasure import WHO, media
from tests.hosting.search.test_engine import say

# Fixtures.
__all__ = ["media"]


@pytest.mark.django_db
@pytest.mark.parametrize("held", ["contact", "number"])
def test_a_legal_hold_stands_against_erasure(held: str) -> None:
    number = make_number(make_business())
    say(number, "evidence", to=WHO)
    with system("test"):
        model: Any = Contact if held == "contact" else Number
        model.objects.update(held_at=timezone.now())
        contact = Contact.objects.get()
    status, body = Api(number.business).ask("DELETE", f"contacts/{contact.pk}/")
    assert (status, body["error"]["code"]) == (409, "on_hold")
    with system("test"):
        assert not Erasure.objects.exists()
        assert not AuditEntry.objects.exists()


@pytest.mark.django_db
def test_asked_twice_it_is_one_request_and_strangers_logs_stay(media: Path) -> None:
    number, other = make_number(make_business()), make_number(make_business("Other"))
    say(number, "mine", to=WHO)
    say(other, "theirs", to=WHO)
    with system("test"):
        mine = Contact.objects.get(business=number.business)
        theirs = Webhook.objects.create(
            business=other.business, account=other.account, url="https://a.example/"
        )
        WebhookCall.objects.create(
            business=other.business, webhook=theirs, field="messages", body=WHO.encode()
        )
        IdempotentReply.objects.create(
            business=other.business, key="k", fingerprint=b"x", body=WHO.encode()
        )
    with scope(number.business_id):
        assert erasure.request_erasure(contact=mine) == erasure.request_erasure(contact=mine)
    assert erasure.erase_due() == 1
    with system("test"):
        assert list(Message.objects.values_list("text", flat=True)) == ["theirs"]
        assert WebhookCall.objects.count() == IdempotentReply.objects.count() == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE accounts_auditentry SET subject = '[erased]'",
        "UPDATE accounts_auditentry SET after = '{}'",
        "DELETE FROM accounts_auditentry",
        "TRUNCATE accounts_auditentry",
    ],
)
@pytest.mark.parametrize("login", ["DATABASE_URL", "DATABASE_WORKER_URL", "DATABASE_OWNER_URL"])
def test_nobody_changes_or_removes_an_entry(committed_db: None, change: str, login: str) -> None:
    with system("test"):
        record.record(action="contact.changed", subject="contact 1", after={"a": 1})
    with psycopg.connect(os.environ[login]) as connected:
        if login != "DATABASE_OWNER_URL":
            taken = "parley_system" if "WORKER" in login else "parley_app"
            connected.execute(f"SET ROLE {taken}")
        connected.execute("SELECT set_config('parley.redacting', 'on', true)")
        with contextlib.suppress(psycopg.errors.RestrictViolation, psycopg.errors.DatabaseError):
            connected.execute(change)
    with system("test"):
        entry = AuditEntry.objects.get()
    assert (entry.subject, entry.after) == ("contact 1", {"a": 1})


@pytest.mark.django_db
def test_a_customer_with_a_crafted_name_erases_nothing_from_the_log() -> None:
    """An owner named a contact as entries of the log are written, and erased the contact."""
    number, other = make_number(make_business()), make_number(make_business("Other"))
    for one in (number, other):
        say(one, "hello", to=WHO)
    with system("test"):
        for one in (number, other):
            record.record(
                action="contact.opened",
                subject="message 1",
                business=one.business_id,
                after={"minutes": 30, "digits": WHO, "reason": "r"},
            )
        Contact.objects.update(name='"minutes": 30', alias="message 1", username="reason")
        contact = Contact.objects.get(business=number.business)
        before = list(AuditEntry.objects.order_by("id").values())
    with scope(number.business_id):
        erasure.request_erasure(contact=contact)
    assert erasure.erase_due() == 1
    with system("test"):
        assert list(AuditEntry.objects.order_by("id").values())[:2] == before
        assert AuditEntry.objects.count() == 4  # the request, and that it was done


@pytest.mark.django_db
def test_a_customer_takes_along_everything_that_is_kept(media: Path) -> None:
    number = make_number(make_business())
    with scope(number.business_id):
        own = store_media(
            business=number.business, content=picture(), mime_type="image/png", filename="me.png"
        )
    say(number, "first", "second", to=WHO)
    say(number, "photo", to=WHO, kind="image", content={"id": own.media_id})
    say(number, "somebody else", to="14155550100")
    with system("test"):
        contact = Contact.objects.get(wa_id=WHO)
    response = Api(number.business).client.get(f"/api/v1/contacts/{contact.pk}/data/")
    archive = zipfile.ZipFile(io.BytesIO(b"".join(response)))
    told = json.loads(archive.read("contact.json"))
    assert (told["wa_id"], [row["text"] for row in told["messages"]]) == (
        WHO,
        ["first", "second", "photo"],
    )
    assert archive.read(told["media"][0]["file"]) == picture().getvalue()
    assert sorted(archive.namelist()) == ["contact.json", f"media/{own.media_id}-me.png"]
    assert "somebody else" not in archive.read("contact.json").decode()
