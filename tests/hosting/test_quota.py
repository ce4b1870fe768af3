"""The plan's other limits: storage counted by the database, uploads refused, customers' files
locked; webhooks, exports.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connections, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import Business, Plan
from accounts.plans import changes
from core import outbox
from core.models import Email
from core.tenancy import scope, system
from hosting import quota
from hosting.errors import CloudApiError
from hosting.exports import jobs
from hosting.imports.jobs import NotNow
from hosting.limits import notices as limits_notices
from hosting.media import store
from hosting.models import ChatExport, LimitNotice, LockedMessage, Media, Number, Storage, Webhook
from hosting.webhooks import subscriptions
from tests.factories import make_business, make_key, make_member, make_number
from tests.hosting.limits.test_locked_messages import receive, text
from tests.hosting.messages.test_endpoints import NOON

MB = 1_000_000


@pytest.fixture(autouse=True)
def _files(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = str(tmp_path)


def make_small() -> Number:
    """A number of a business that may keep 2 MB, two webhooks, two exports a month."""
    with system("test"):
        Plan.objects.create(
            code="small",
            name="Small",
            media_megabytes=2,
            max_webhooks=2,
            max_exports=2,
            grace_days=30,
            monthly_fee_micros=1,
        )
    return make_number(make_business("Small", plan_id="small"))


@pytest.fixture
def number(db: None) -> Number:
    return make_small()


def a_file(size: int, mark: str = "x") -> bytes:
    return b"%PDF-1.4\n" + (mark.encode() * size)[: size - 15] + b"%%EOF\n"


def keep(number: Number, size: int, mark: str = "x", **how: Any) -> Media:
    with scope(number.business_id):
        return store.store_media(
            business=number.business, content=a_file(size, mark), mime_type="application/pdf", **how
        )


def used(number: Number) -> int:
    with system("test"):
        return Storage.objects.get(business=number.business).bytes


def reload(media: Media) -> Media:
    with system("test"):
        return Media.objects.get(pk=media.pk)


def test_an_upload_that_does_not_fit_is_refused_and_nothing_is_kept(number: Number) -> None:
    keep(number, 2 * MB - 5)
    client = Client(headers={"Authorization": f"Bearer {make_key(number.business)}"})
    for path in (f"/v21.0/{number.phone_number_id}/media", "/api/v1/media/"):
        answer = client.post(
            path, {"file": SimpleUploadedFile("a.pdf", a_file(20, "y"), "application/pdf")}
        )
        assert (answer.status_code, b"the Small plan keeps 2 MB of media" in answer.content) == (
            402,
            True,
        )
    assert used(number) == 2 * MB - 5
    assert len(default_storage.listdir(f"media/{number.business_id}")[1]) <= 1
    with system("test"):
        assert Media.objects.count() == 1


def test_the_count_follows_files_that_come_and_go(number: Number) -> None:
    one, two = keep(number, 700_000), keep(number, 300_000, "y")
    assert used(number) == 1_000_000
    with scope(number.business_id):
        store.delete_media(one)
    assert used(number) == 300_000
    with system("test"):
        Media.objects.filter(pk=one.pk).delete()
        Media.objects.filter(pk=two.pk).update(size=5)
    assert used(number) == 5
    with system("test"):
        Media.objects.all().delete()
    assert used(number) == 0


def test_the_database_refuses_what_was_not_asked_before(number: Number) -> None:
    full = {"business": number.business, "mime_type": "text/plain", "sha256": "0" * 64}
    with pytest.raises(IntegrityError, match="The Small plan keeps 2 MB"), system("test"):
        Media.objects.create(size=2 * MB + 1, **full)
    with system("test"):
        Media.objects.create(size=2 * MB, **full)
        # After a change of plan a business may be over it, and can let go.
        Plan.objects.filter(pk="small").update(media_megabytes=1)
        Media.objects.update(size=2 * MB - 1)
        with pytest.raises(IntegrityError), transaction.atomic():
            Media.objects.update(size=2 * MB)


def test_a_customers_file_is_kept_locked_and_shown_when_there_is_room(number: Number) -> None:
    first, small, large = (
        keep(number, size, mark, from_customer=True)
        for size, mark in ((1_500_000, "a"), (600_000, "b"), (900_000, "c"))
    )
    assert (first.is_ready, small.is_ready, large.is_ready) == (True, False, False)
    assert small.locked_until is not None
    assert timedelta(days=29) < small.locked_until - timezone.now() <= timedelta(days=30)
    client = Client()
    assert client.get(store.signed_path(small)).status_code == 402
    assert client.get(store.signed_path(first)).status_code == 200
    assert default_storage.size(small.path) == 600_000
    with scope(number.business_id):
        store.delete_media(first)
    quota.unlock_or_expire()
    # The oldest first: 600,000 + 900,000 bytes fit into 2 MB.
    assert [reload(one).is_ready for one in (small, large)] == [True, True]
    assert client.get(store.signed_path(small)).status_code == 200
    assert used(number) == 1_500_000


def test_a_larger_plan_shows_locked_files_at_once(number: Number) -> None:
    media = keep(number, 2 * MB + 1, from_customer=True)
    assert reload(media).is_ready is False
    with system("test"):
        changes.move(number.business, Plan.objects.get(pk="business"))
    assert (reload(media).is_ready, reload(media).locked_until, used(number)) == (
        True,
        None,
        2 * MB + 1,
    )


def test_a_locked_file_goes_after_its_day_and_not_before(number: Number) -> None:
    media = keep(number, 2 * MB + 1, from_customer=True)
    quota.unlock_or_expire()
    assert reload(media).deleted_at is None
    with system("test"):
        Media.objects.update(locked_until=timezone.now() - timedelta(seconds=1))
    quota.unlock_or_expire()
    assert reload(media).deleted_at is not None
    assert used(number) == 0


def test_a_locked_file_stays_while_no_mail_server_took_the_notice(number: Number) -> None:
    make_member(number.business)
    media = keep(number, 2 * MB + 1, from_customer=True)
    limits_notices.send_due_notices()
    with system("test"):
        Media.objects.update(locked_until=timezone.now() - timedelta(seconds=1))
        assert list(Email.objects.values_list("kind", "state")) == [("storage", "waiting")]
    quota.unlock_or_expire()
    assert reload(media).deleted_at is None
    assert outbox.send_due() == 1
    quota.unlock_or_expire()
    assert reload(media).deleted_at is not None


def test_two_hundred_at_the_limit_minus_one_and_one_passes(committed_db: None) -> None:
    number = make_small()
    keep(number, 2 * MB - 20)

    def lane(start: int) -> int:
        try:
            return sum(fits(n) for n in range(start, 200, 20))
        finally:
            connections.close_all()

    def fits(n: int) -> bool:
        try:
            return bool(keep(number, 20, chr(65 + n % 26)))
        except CloudApiError as error:
            codes.add((error.number, error.status))
            return False

    codes: set[tuple[int, int]] = set()
    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(lane, range(20))) == 1
    assert codes == {(131042, 402)}
    assert used(number) == 2 * MB


def test_files_of_locked_messages_are_not_served(db: None) -> None:
    with system("test"):
        Plan.objects.filter(pk="free").update(hosted_messages=1)
    number = make_number(make_business("Full", plan_id="free", clock_at=NOON))
    media = keep(number, 100)
    picture = {
        "type": "document",
        "document": {"id": media.media_id, "mime_type": "application/pdf"},
    }
    client = Client(headers={"Authorization": f"Bearer {make_key(number.business)}"})
    paths = [
        f"/v21.0/{media.media_id}",
        f"/api/v1/media/{media.media_id}/",
        store.signed_path(media),
    ]
    assert [client.get(path).status_code for path in paths] == [200, 200, 200]
    receive(number, text(1), text(2) | picture)
    with system("test"):
        assert LockedMessage.objects.get().content["id"] == media.media_id
    assert [client.get(path).status_code for path in paths] == [404, 404, 404]
    assert client.get("/api/v1/media/").json()["data"] == []
    with system("test"):
        changes.move(number.business, Plan.objects.get(pk="business"))
    assert [client.get(path).status_code for path in paths] == [200, 200, 200]


def test_exports_of_a_month_end_at_the_plans(number: Number) -> None:
    wanted = jobs.ExportRequest(format="csv")

    def ask(business: Business = number.business) -> ChatExport:
        with scope(business.pk):
            return jobs.request_export(business=business, author=None, wanted=wanted)

    first, _second = ask(), ask()
    with pytest.raises(NotNow, match="The Small plan has 2 exports a month"):
        ask()
    with system("test"):
        assert ChatExport.objects.count() == 2
        # One that failed does not count, nor does one of an earlier month.
        ChatExport.objects.filter(pk=first.pk).update(state="failed")
    ask()
    with system("test"):
        ChatExport.objects.update(created_at=timezone.now() - timedelta(days=32), state="done")
    assert ask().state == "running"


def test_webhooks_end_at_the_plans(number: Number) -> None:
    def add(n: int) -> Webhook:
        with scope(number.business_id):
            return subscriptions.subscribe(
                account=number.account, url=f"https://a.example/{n}", verify_token="t"
            )

    first = add(1)
    add(2)
    with pytest.raises(subscriptions.WebhookRefused, match="The Small plan has 2 webhooks"):
        add(3)
    assert add(2).url == "https://a.example/2"
    with scope(number.business_id):
        first.remove()
    add(3)
    with system("test"):
        assert Webhook.objects.kept().count() == 2


def test_the_plan_page_shows_every_limit_and_owners_hear_of_storage_once(
    number: Number, mailoutbox: Any
) -> None:
    with system("test"):
        Plan.objects.filter(pk="small").update(media_megabytes=5)
    keep(number, 4 * MB)
    owner = make_member(number.business)
    client = Client()
    client.force_login(owner)
    page = client.get("/settings/plan/").content.decode()
    for words in (
        "Media storage in MB",
        "4 of 5",
        "Exports this month",
        "0 of 2",
        "5 MB of media",
        "2 webhooks",
    ):
        assert words in page
    with system("test"):
        Webhook.objects.create(
            business=number.business,
            account=number.account,
            url="https://a.example/",
            fields=["account_alerts"],
        )
    assert [limits_notices.send_due_notices(), limits_notices.send_due_notices()] == [1, 0]
    keep(number, MB, "y")
    assert [limits_notices.send_due_notices(), limits_notices.send_due_notices()] == [1, 0]
    with system("test"):
        notices = LimitNotice.objects.order_by("id").values_list(
            "limit", "percent", "used", "allowed"
        )
        assert list(notices) == [("media_megabytes", 80, 4, 5), ("media_megabytes", 100, 5, 5)]
        reported = [
            orjson.loads(bytes(call.body)) for call in Webhook.objects.get().calls.order_by("id")
        ]
    kinds = [one["entry"][0]["changes"][0]["value"]["alert_info"]["alert_type"] for one in reported]
    assert kinds == ["MEDIA_STORAGE_80", "MEDIA_STORAGE_100"]
    assert outbox.send_due() == 2
    mailoutbox.sort(key=lambda one: one.subject, reverse=True)
    assert [mail.subject for mail in mailoutbox] == [
        "Small: 80 % of the plan's media storage used",
        "Small: 100 % of the plan's media storage used",
    ]
    assert mailoutbox[0].to == [owner.email]
    assert "4 of the 5 MB of media that the Small plan keeps are used." in mailoutbox[0].body
