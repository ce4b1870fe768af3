"""Imports: a file is looked through, asked about and brought in once; stopped, gone on with, taken
back.
"""

import io
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone
from PIL import Image

from billing.metering import reconciliation
from core.errors import BadInput
from core.tenancy import scope, system
from hosting import jobs as hosting_jobs
from hosting.imports import jobs, write
from hosting.imports.formats.errors import BadArchive, BadChatFile
from hosting.inbound import events
from hosting.models import (
    ChatImport,
    Contact,
    Conversation,
    Delivery,
    HostedCount,
    Media,
    Message,
    Outgoing,
    WebhookCall,
)
from tests.factories import make_business, make_number
from tests.hosting.chat_samples import LRM
from tests.hosting.claimed import claimed_job, end_leases
from tests.hosting.messages.test_incoming_endpoint import knock, webhook

PNG = io.BytesIO()
Image.new("RGB", (8, 8), "teal").save(PNG, "png")
PNG = PNG.getvalue()
FOLDER = Path(__file__).parent / "data" / "exports"
CHAT = (
    f"13.03.21, 14:04 - Nachrichten sind verschlüsselt.\n"
    "13.03.21, 14:05 - Ann: Hello\n13.03.21, 14:05 - Ann: Hello\n"
    f"13.03.21, 14:06 - Bakery: Good morning\n"
    f"in two lines {LRM}<This message was edited>\n13.03.21, 14:07 - Ann: "
    "This message was deleted\n"
    "13.03.21, 14:08 - Ann: IMG-20210313-WA0001.png (file attached)\nOur cake\n"
    "13.03.21, 14:09 - Bakery: evil.exe (file attached)\n13.03.21, 14:10 - Ann: <Media omitted>\n"
)
ANSWERS = {"contact": "+49 151 2345678", "business_senders": ["Bakery"]}


@pytest.fixture
def business(db):
    return make_business(timezone="Europe/Berlin")


@pytest.fixture
def number(business):
    return make_number(business)


def upload(business, raw, filename="chat.txt"):
    raw = raw.encode() if isinstance(raw, str) else raw
    with scope(business.pk):
        return jobs.create_import(
            business=business, author=None, file=io.BytesIO(raw), filename=filename
        )


def work():
    for _ in range(100):
        if not jobs.work_due():
            return


def fresh(job):
    with system("test"):
        return ChatImport.objects.select_related("business", "number").get(pk=job.pk)


def looked_through(business, raw, filename="chat.txt"):
    job = upload(business, raw, filename)
    work()
    job = fresh(job)
    assert (job.state, job.error) == ("ready", "")
    return job


def begin(job, **answers):
    with scope(job.business_id):
        jobs.start_import(job=job, answers=ANSWERS | answers)


def brought_in(business, raw, filename="chat.txt", **answers):
    job = looked_through(business, raw, filename)
    begin(job, **answers)
    work()
    job = fresh(job)
    assert (job.state, job.error) == ("done", "")
    return job


def zipped(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "."), data)
    return out.getvalue()


def rows():
    with system("test"):
        return [
            (f"{m.created_at:%d %H:%M}", m.direction, m.kind, m.text, m.status)
            for m in Message.objects.order_by("id")
        ]


def test_a_chat_is_shown_before_it_is_brought_in(business, number):
    job = looked_through(
        business,
        zipped(chat__txt=CHAT, **{"IMG-20210313-WA0001__png": PNG}),
        "WhatsApp Chat with Ann.zip",
    )
    found = job.preview
    assert found["senders"] == [{"name": "Ann", "messages": 5}, {"name": "Bakery", "messages": 2}]
    assert (found["first_at"], found["last_at"]) == ("2021-03-13T14:05:00", "2021-03-13T14:10:00")
    assert {
        name: found[name] for name in ("messages", "system", "files", "files_present", "left_out")
    } == {
        "messages": 7,
        "system": 1,
        "files": 2,
        "files_present": 1,
        "left_out": 1,
    }
    assert (found["deleted"], found["edited"], found["day_orders"]) == (1, 1, ["dmy"])
    assert found["sample"][2] == {
        "at": "2021-03-13T14:06:00",
        "sender": "Bakery",
        "kind": "text",
        "text": "Good morning\nin two lines",
    }
    assert found["guess"] == {
        "time_zone": "Europe/Berlin",
        "business_senders": ["Bakery"],
        "contact": "",
        "number": number.phone_number_id,
        "day_order": "dmy",
    }
    assert rows() == []


def test_a_chat_is_brought_in_exactly_and_bills_nothing(business, number):
    archive = zipped(chat__txt=CHAT, **{"IMG-20210313-WA0001__png": PNG, "evil__exe": b"MZ\x90"})
    job = brought_in(business, archive, "WhatsApp Chat with Ann.zip")
    assert rows() == [
        ("13 13:04", "in", "system", "Nachrichten sind verschlüsselt.", "received"),
        ("13 13:05", "in", "text", "Hello", "received"),
        ("13 13:05", "in", "text", "Hello", "received"),
        ("13 13:06", "out", "text", "Good morning\nin two lines", "sent"),
        ("13 13:07", "in", "text", "", "received"),
        ("13 13:08", "in", "image", "Our cake", "received"),
        ("13 13:09", "out", "document", "evil.exe", "sent"),
        ("13 13:10", "in", "media_placeholder", "", "received"),
    ]
    assert (job.total, job.processed, job.added, job.files_added) == (8, 8, 8, 1)
    assert job.refused == {"Files of type 'unknown' are not taken.": 1}
    with system("test"):
        messages = list(Message.objects.order_by("id"))
        assert {m.imported_from_id for m in messages} == {job.pk}
        assert all(m.wamid.startswith("wamid.imported_") for m in messages)
        assert messages[3].edited_at == messages[3].created_at
        assert messages[4].revoked_at == messages[4].created_at
        assert messages[5].content == {"caption": "Our cake", "id": Media.objects.get().media_id}
        talk = Conversation.objects.get()
        assert (talk.contact.wa_id, talk.contact.name, talk.number_id) == (
            "491512345678",
            "Ann",
            number.pk,
        )
        assert (talk.last_message_text, talk.is_resolved, talk.unread_count) == (
            "[media_placeholder]",
            True,
            0,
        )
        assert talk.last_inbound_at is None  # a file opens no window
        for nothing in (Delivery, Outgoing, WebhookCall, HostedCount):
            assert not nothing.objects.exists()
    assert not default_storage.exists(job.path)


def test_a_status_for_an_imported_message_is_never_metered(business, number):
    brought_in(business, CHAT)
    with system("test"):
        wamid = Message.objects.get(text="Good morning\nin two lines").wamid
    status = {
        "id": wamid,
        "status": "read",
        "timestamp": "1780000000",
        "recipient_id": "491512345678",
    }
    assert knock(number, webhook(number, statuses=[status])) == 200
    assert events.apply_due() == 1
    with system("test"):
        assert Message.objects.get(wamid=wamid).status == "read"
        assert not Delivery.objects.exists()
    assert reconciliation.reconcile() == []


def test_a_doubled_import_adds_nothing_and_a_longer_one_only_what_is_new(business, number):
    brought_in(business, CHAT)
    again = brought_in(business, CHAT)
    assert (again.processed, again.added, len(rows())) == (8, 0, 8)
    longer = brought_in(business, CHAT + "14.03.21, 09:00 - Ann: Hello\n")
    assert (longer.processed, longer.added, len(rows())) == (9, 1, 9)
    with system("test"):
        assert Media.objects.count() == 0


def test_past_messages_lie_above_live_ones(business, number):
    with system("test"):
        contact = Contact.objects.create(business=business, wa_id="491512345678", name="Ann M.")
        talk = Conversation.objects.create(
            business=business, number=number, contact=contact, last_message_text="live"
        )
        live = Message.objects.create(
            business=business,
            number=number,
            conversation=talk,
            contact=contact,
            direction="in",
            kind="text",
            text="live",
            status="received",
        )
    job = brought_in(business, CHAT)
    with system("test"):
        assert Message.objects.order_by("id").last() == live
        talk.refresh_from_db()
        assert (talk.last_message_text, talk.is_resolved, talk.contact.name) == (
            "live",
            False,
            "Ann M.",
        )
    with scope(business.pk):
        jobs.undo(job=job)
    work()
    with system("test"):
        assert list(Message.objects.all()) == [live]
        assert Conversation.objects.filter(pk=talk.pk).exists()


def test_an_import_can_be_taken_back_whole(business, number):
    archive = zipped(chat__txt=CHAT, **{"IMG-20210313-WA0001__png": PNG})
    job = brought_in(business, archive, "chat.zip")
    other = brought_in(business, CHAT.replace("Hello", "Hi"), contact="14155550100")
    with scope(business.pk):
        jobs.undo(job=fresh(job))
    work()
    assert (fresh(job).state, fresh(job).added) == ("undone", 0)
    with system("test"):
        assert {m.imported_from_id for m in Message.objects.all()} == {other.pk}
        assert Contact.objects.get().wa_id == "14155550100"
        assert Conversation.objects.get().contact.wa_id == "14155550100"
        assert not Media.objects.live().exists()
    again = brought_in(business, CHAT)
    assert again.added == 8


def test_a_cancelled_import_stops_and_keeps_what_is_in(business, number, monkeypatch):
    monkeypatch.setattr(write, "BATCH_ROWS", 2)
    job = looked_through(business, CHAT)
    begin(job)
    mine = claimed_job(jobs.QUEUE)
    write.write_batches(mine, seconds=0)
    assert 0 < len(rows()) < 8
    done = len(rows())
    with scope(business.pk):
        jobs.cancel(job=job)
    # The worker that still has it finds out before it writes again.
    with pytest.raises((hosting_jobs.Stopped, FileNotFoundError)):
        write.write_batches(mine, seconds=9)
    assert (fresh(job).state, len(rows())) == ("cancelled", done)
    assert jobs.work_due() == 0
    with scope(business.pk), pytest.raises(jobs.NotNow):
        jobs.start_import(job=job, answers=ANSWERS)
    with scope(business.pk):
        jobs.undo(job=fresh(job))
    work()
    assert rows() == []


@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_what_was_cut_off_goes_on_where_it_was(business, number, monkeypatch, kept):
    monkeypatch.setattr(write, "BATCH_ROWS", 2)
    whole = "".join(f"13.03.21, 14:{n // 2:02} - Ann: message {n % 3}\n" for n in range(20))
    job = looked_through(business, whole)
    begin(job, business_senders=[])
    for _ in range(kept):
        mine = claimed_job(jobs.QUEUE)
        write.write_batches(mine, seconds=0)
        # The worker dies: nobody releases the row, its lease runs out.
        end_leases(jobs.QUEUE)
    assert len(rows()) == kept * 2
    work()
    job = fresh(job)
    assert (job.state, job.processed, job.added, len(rows())) == ("done", 20, 20, 20)
    assert [row[3] for row in rows()] == [f"message {n % 3}" for n in range(20)]


def test_a_file_that_ends_its_worker_is_given_up(business, number):
    job = looked_through(business, CHAT)
    begin(job)
    for _ in range(5):
        assert claimed_job(jobs.QUEUE).pk == job.pk
        end_leases(jobs.QUEUE)
    work()
    assert (fresh(job).state, fresh(job).error) == (
        "failed",
        "Given up after 5 attempts: Its worker ended without a word 5 times.",
    )
    assert rows() == []


@pytest.mark.parametrize(
    ("answers", "field"),
    [
        ({"contact": ""}, "contact"),
        ({"contact": "12"}, "contact"),
        ({"business_senders": ["Nobody"]}, "business_senders"),
        ({"business_senders": "Bakery"}, "business_senders"),
        ({"number": "999"}, "number"),
        ({"day_order": "mdy"}, "day_order"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
    ],
)
def test_a_wrong_answer_is_named_and_nothing_begins(business, number, answers, field):
    job = looked_through(business, CHAT)
    with pytest.raises(Exception) as refused:  # noqa: PT011
        begin(job, **answers)
    assert refused.value.field == field
    assert (fresh(job).state, rows()) == ("ready", [])


def test_an_undecided_order_must_be_answered(business, number):
    text = "01/02/21, 14:05 - Ann: a\n02/03/21, 02:06 - Bakery: b\n"
    job = looked_through(business, text)
    assert job.preview["day_orders"] == ["dmy", "mdy"]
    with pytest.raises(BadInput) as refused:
        begin(job)
    assert refused.value.field == "day_order"
    begin(job, day_order="mdy")
    work()
    with system("test"):
        times = [m.created_at for m in Message.objects.order_by("id")]
    assert times == [
        datetime(2021, 1, 2, 13, 5, tzinfo=UTC),
        datetime(2021, 2, 3, 1, 6, tzinfo=UTC),
    ]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_every_real_sample_is_brought_in(business, number, path):
    raw = path.read_bytes()
    job = brought_in(business, raw, path.name, business_senders=["John Doe"])
    assert (job.added, job.preview["system"]) == (9, 3)
    with system("test"):
        people = Message.objects.exclude(kind="system")
        assert sorted(m.content["imported_sender"] for m in people) == sorted(
            ["John Doe", "Jahn Doe", "John-John Doe", "John Doe 🤓", "🤓", "John Doe"]
        )
        assert people.filter(direction="out").count() == 2


@pytest.mark.parametrize(
    ("raw", "filename", "error"),
    [
        (b"", "chat.txt", BadChatFile),
        (b"hello\nworld\n", "notes.txt", BadChatFile),
        (b"a,b\n1,2\n", "list.csv", BadChatFile),
        (b"wamid,contact_name\rx,y\n", "list.csv", BadChatFile),
        (b"{}\n", "x.jsonl", BadChatFile),
        (b"{nonsense\n", "x.jsonl", BadChatFile),
        (b"PK\x03\x04 but no archive", "x.zip", BadArchive),
        (zipped(readme__md="hi"), "x.zip", BadArchive),
        (zipped(notes__txt="no chat"), "x.zip", BadArchive),
        (zipped(inner__zip=zipped(chat__txt=CHAT)), "x.zip", BadArchive),
    ],
)
def test_what_is_no_chat_is_refused_and_not_kept(business, raw, filename, error):
    folder = f"history/{business.pk}/imports"
    with pytest.raises(error):
        upload(business, raw, filename)
    with system("test"):
        assert not ChatImport.objects.exists()
    assert not default_storage.exists(folder) or default_storage.listdir(folder)[1] == []


def test_an_import_that_nobody_answers_ends_after_a_week(business, number):
    job = looked_through(business, CHAT)
    with system("test"):
        assert jobs.expire() == 0
        ChatImport.objects.update(created_at=timezone.now() - timedelta(days=8))
        assert jobs.expire() == 1
    assert fresh(job).state == "cancelled"
    assert not default_storage.exists(job.path)
