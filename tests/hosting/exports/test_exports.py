"""Exports: every kind of file, cut off and gone on with, read back the same; safe for browsers and
spreadsheets.
"""

import csv
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.storage import default_storage

from core.csv import guarded, plain
from core.errors import BadInput
from core.tenancy import scope, system
from hosting.exports import jobs
from hosting.imports import jobs as imports_jobs
from hosting.imports.formats import records
from hosting.media.store import store_media
from hosting.models import (
    ChatExport,
    ChatImport,
    Contact,
    Conversation,
    Delivery,
    Media,
    Message,
)
from tests.factories import make_business, make_member, make_number, make_template
from tests.hosting.imports.test_imports import PNG, upload
from tests.hosting.imports.test_imports import work as import_all

NASTY = "<script>alert(1)</script> <img src=x onerror=alert(1)> \"quoted\" & 'single' \u202eevil"
AT = datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def number(db):
    number = make_number(make_business("Bakery", timezone="Europe/Berlin"), digits="15550009999")
    fill(number)
    return number


def fill(number):
    """Messages of many kinds, with two customers."""
    business = number.business
    author, template = make_member(business), make_template(number)
    with scope(business.pk):
        media = store_media(
            business=business, content=PNG, mime_type="image/png", filename="cake.png"
        )
    with system("test"):
        ann = Contact.objects.create(
            business=business, wa_id="491512345678", user_id="DE.1", name='=HYPERLINK("x")'
        )
        bob = Contact.objects.create(business=business, wa_id="14155550100", name="Bob")
        threads = [
            Conversation.objects.create(
                business=business, number=number, contact=who, last_message_at=AT
            )
            for who in (ann, bob)
        ]
        common = {"business": business, "number": number}
        said = [
            ("in", "text", NASTY, {"body": NASTY}, {}),
            ("in", "text", "=1+1\n+2\r\n'quoted", {"body": "=1+1\n+2\r\n'quoted"}, {}),
            ("in", "image", "our cake", {"id": media.media_id, "caption": "our cake"}, {}),
            ("in", "image", "", {"id": "999", "mime_type": "image/png"}, {}),
            ("in", "text", "", {"body": ""}, {"revoked_at": AT}),
            (
                "out",
                "text",
                "Guten *Tag* 😀 https://example.com/?a=1&b=2",
                {"body": "x"},
                {
                    "author": author,
                    "status": "read",
                    "sent_at": AT,
                    "delivered_at": AT,
                    "read_at": AT,
                    "context_wamid": "wamid.m0",
                    "edited_at": AT,
                    "tracker": "t-1",
                    "window_open": True,
                },
            ),
            (
                "out",
                "template",
                "Order 7",
                {"name": template.name, "language": {"code": "en_US"}, "n": 1.5},
                {
                    "template": template,
                    "category": "utility",
                    "status": "failed",
                    "failed_at": AT,
                    "errors": [{"code": 131026, "title": "Undeliverable"}],
                    "free_entry_at": AT,
                },
            ),
        ]
        for thread in threads:
            for n, (direction, kind, text, content, more) in enumerate(said):
                fields = {"status": "received"} if direction == "in" else {"category": "service"}
                Message.objects.create(
                    **common,
                    conversation=thread,
                    contact=thread.contact,
                    direction=direction,
                    kind=kind,
                    text=text,
                    content=content,
                    wamid=f"wamid.m{n}" if thread == threads[0] else f"wamid.n{n}",
                    created_at=AT + timedelta(hours=20 * n),
                    **(fields | more),
                )


def export(line, format="jsonl", **wanted):
    with scope(line.business_id):
        job = jobs.request_export(
            business=line.business, author=None, wanted=jobs.ExportRequest(format=format, **wanted)
        )
    return worked(job)


def worked(job):
    for _ in range(100):
        if not jobs.work_due():
            break
    with system("test"):
        job = ChatExport.objects.select_related("business").get(pk=job.pk)
    assert (job.state, job.error) == ("done", "")
    return job


def content(job):
    with default_storage.open(job.path) as file:
        return file.read()


def unzipped(raw):
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_json_lines_hold_every_field(number):
    job = export(number, conversation=str(thread_of("491512345678").public_id))
    lines = [json.loads(line) for line in content(job).splitlines()]
    assert (job.filename, job.total, job.processed, job.size) == (
        '=HYPERLINK("x") – Bakery +15550009999.jsonl',
        7,
        7,
        len(content(job)),
    )
    assert [line["wamid"] for line in lines] == [f"wamid.m{n}" for n in range(7)]
    assert lines[5] == {
        "number": "15550009999",
        "contact": {"wa_id": "491512345678", "user_id": "DE.1", "name": '=HYPERLINK("x")'},
        "wamid": "wamid.m5",
        "direction": "out",
        "kind": "text",
        "text": "Guten *Tag* 😀 https://example.com/?a=1&b=2",
        "content": {"body": "x"},
        "context_wamid": "wamid.m0",
        "tracker": "t-1",
        "category": "service",
        "window_open": True,
        "free_entry_at": None,
        "author": author_of(),
        "status": "read",
        "errors": None,
        "created_at": "2026-05-05T16:00:00.123456+00:00",
        "sent_at": "2026-05-01T12:00:00.123456+00:00",
        "delivered_at": "2026-05-01T12:00:00.123456+00:00",
        "read_at": "2026-05-01T12:00:00.123456+00:00",
        "failed_at": None,
        "edited_at": "2026-05-01T12:00:00.123456+00:00",
        "revoked_at": None,
        "media": None,
    }


def thread_of(wa_id):
    with system("test"):
        return Conversation.objects.get(contact__wa_id=wa_id)


def author_of():
    with system("test"):
        return Message.objects.exclude(author=None).select_related("author").first().author.email


@pytest.mark.parametrize("format", ["jsonl", "csv"])
@pytest.mark.parametrize("has_media", [False, True])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_was_exported_and_imported_is_exported_the_same(number, format, has_media, elsewhere):
    first = export(number, format, has_media=has_media)
    raw = content(first)
    with system("test"):
        count = Message.objects.count()
    if elsewhere:
        target = make_number(make_business("Other"), digits=number.digits)
    else:
        target = number
        with system("test"):
            Message.objects.all().delete()
            Conversation.objects.all().delete()
            Contact.objects.all().delete()
            Media.objects.all().delete()
    job = imported(target, raw, first.filename)
    assert (job.added, job.files_added) == (count, 2 if has_media else 0)
    again = content(export(target, format, has_media=has_media))
    if has_media:
        assert unzipped(raw) == unzipped(again)
    assert raw == again
    with system("test"):
        assert not Delivery.objects.exists()
        # The imported rows are the same in the database as well.
        for wamid in ("wamid.m5", "wamid.m6"):
            message = Message.objects.get(wamid=wamid, number=target)
            assert (message.imported_from_id, message.template_id is not None) == (
                job.pk,
                wamid == "wamid.m6" and not elsewhere,
            )


def imported(number, raw, filename, **answers):
    job = upload(number.business, raw, filename)
    import_all()
    with scope(number.business_id):
        job.refresh_from_db()
        assert (job.state, job.error) == ("ready", "")
        imports_jobs.start_import(job=job, answers=answers)
    import_all()
    with system("test"):
        job = ChatImport.objects.get(pk=job.pk)
    assert (job.state, job.error) == ("done", "")
    return job


def test_importing_it_where_it_is_adds_nothing(number):
    raw = content(export(number, has_media=True))
    job = imported(number, raw, "all.zip")
    assert (job.processed, job.added, job.files_added) == (14, 0, 0)


def test_a_file_of_another_number_asks_which_one_it_is(number):
    raw = content(export(number))
    other = make_number(make_business("Other"), digits="15551112222")
    make_second = make_number(other.business, digits="15553334444")
    job = upload(other.business, raw, "all.jsonl")
    import_all()
    with scope(other.business_id):
        job.refresh_from_db()
        assert job.preview["guess"]["unknown_numbers"] == ["15550009999"]
        with pytest.raises(BadInput) as refused:
            imports_jobs.start_import(job=job, answers={})
        assert refused.value.field == "number"
        imports_jobs.start_import(job=job, answers={"number": make_second.phone_number_id})
    import_all()
    with system("test"):
        assert set(
            Message.objects.filter(business=other.business).values_list("number_id", flat=True)
        ) == {make_second.pk}


def test_cells_that_could_be_formulas_are_quoted_and_read_back():
    risky = [
        "=1+1",
        "+1",
        "-1",
        "@x",
        "\tx",
        "\rx",
        "\nx",
        " =1",
        "'=1",
        "''",
        "'",
        "|x",
        "%x",
        "＝1",
        "\xa0=1",
        "a=1",
        "",
    ]
    for text in risky:
        assert plain(guarded(text)) == text
    assert [text for text in risky if guarded(text) == text] == ["a=1", ""]


def test_csv_opens_as_text(number):
    raw = content(export(number, "csv"))
    rows = list(csv.DictReader(io.StringIO(raw.decode(), newline="")))
    assert tuple(rows[0]) == records.CSV_COLUMNS
    assert rows[0]["contact_name"] == '\'=HYPERLINK("x")'
    assert rows[1]["text"] == "'=1+1\n+2\r\n'quoted"
    for row in rows:
        for column in ("text", "contact_name", "content", "tracker", "author", "wamid"):
            assert not row[column].startswith(("=", "+", "-", "@", "\t", "\r"))


def test_a_chat_reads_like_the_chat_and_runs_nothing(number):
    job = export(number, "html", conversation=str(thread_of("491512345678").public_id))
    page = content(job).decode()
    assert page.startswith("<!doctype html>")
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "Content-Security-Policy" in page
    assert "default-src &#x27;none&#x27;" in page
    assert "Guten <strong>Tag</strong> 😀" in page
    assert page.count('<div class="day">') == 6  # in the business's time zone
    assert page.count('class="m out"') == 2
    assert page.count('class="m"') == 5
    assert "This message was deleted" in page
    assert '<time datetime="2026-05-01T14:00:00.123456+02:00">14:00</time>' in page
    assert '<div class="quote" dir="auto">&lt;script&gt;' in page


def test_many_chats_become_pages_with_their_files(number):
    files = unzipped(content(export(number, "html", has_media=True)))
    picture = f"media/{sha()}.png"
    assert sorted(files) == ["chats/00001.html", "chats/00002.html", "index.html", picture]
    assert files[picture] == PNG
    assert f'<img src="../{picture}"' in files["chats/00001.html"].decode()
    assert (
        '<a href="chats/00002.html" dir="auto">Bob · +14155550100' in files["index.html"].decode()
    )
    assert "<small>7 messages</small>" in files["index.html"].decode()


def sha():
    with system("test"):
        return Media.objects.values_list("sha256", flat=True).first()
