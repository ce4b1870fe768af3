"""Imports and exports by REST and by pages; exports bent out of shape never break an
endpoint; a killed
worker loses nothing.
"""

import io
import os
import random
import signal
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.tenancy import scope, system
from hosting.exports import jobs
from hosting.imports import jobs as imports_jobs
from hosting.models import ChatExport, ChatImport, Delivery, Message
from tests.factories import make_business, make_client, make_key, make_number
from tests.hosting.chat_samples import SAMPLES
from tests.hosting.exports.test_exports import content, export, fill
from tests.hosting.imports.test_imports import CHAT, PNG, work, zipped


@pytest.fixture
def number(db):
    return make_number(make_business("Bakery", timezone="Europe/Berlin"))


def api(number, scopes=("messages", "read", "exports")):
    return Client(
        headers={"Authorization": f"Bearer {make_key(number.business, scopes=list(scopes))}"}
    )


def posted(client, raw, name="chat.txt"):
    raw = raw.encode() if isinstance(raw, str) else raw
    return client.post("/api/v1/imports/", {"file": SimpleUploadedFile(name, raw)})


def test_a_program_imports_a_chat(number):
    client = api(number)
    made = posted(
        client,
        zipped(chat__txt=CHAT, **{"IMG-20210313-WA0001__png": PNG}),
        "WhatsApp Chat with Ann.zip",
    )
    assert (made.status_code, made.json()["state"]) == (201, "reading")
    path = f"/api/v1/imports/{made.json()['id']}/"
    work()
    found = client.get(path).json()
    assert (
        found["state"],
        found["preview"]["messages"],
        found["preview"]["guess"]["business_senders"],
    ) == (
        "ready",
        7,
        ["Bakery"],
    )
    assert found["questions"] == ["number", "business_senders", "contact", "day_order", "time_zone"]
    refused = client.post(path + "start/", {}, content_type="application/json")
    assert (refused.status_code, refused.json()["error"]["field"]) == (400, "contact")
    assert Message.objects.count() == 0
    begun = client.post(
        path + "start/", {"contact": "+49 151 2345678"}, content_type="application/json"
    )
    assert (begun.status_code, begun.json()["state"], begun.json()["number"]) == (
        200,
        "running",
        number.phone_number_id,
    )
    work()
    done = client.get(path).json()
    assert {
        name: done[name]
        for name in ("state", "total", "processed", "added", "skipped", "files_added", "percent")
    } == {
        "state": "done",
        "total": 8,
        "processed": 8,
        "added": 8,
        "skipped": 0,
        "files_added": 1,
        "percent": 100,
    }
    assert client.post(path + "start/", {}, content_type="application/json").status_code == 409
    assert client.post(path + "undo/").json()["state"] == "undoing"
    work()
    assert client.get(path).json()["state"] == "undone"
    with system("test"):
        assert not Message.objects.exists()
    listed = client.get("/api/v1/imports/?limit=1").json()
    assert ([job["id"] for job in listed["data"]], listed["next"]) == ([made.json()["id"]], None)


@pytest.mark.parametrize(
    ("raw", "name", "message"),
    [
        (b"nothing", "chat.txt", "None of the first 1 lines begins a message"),
        (zipped(**{"../x": "1"}), "x.zip", "The archive names a file outside itself: '../x'."),
        (zipped(chat__txt=b"\0" * 9_000_000), "x.zip", None),
    ],
)
def test_a_file_that_is_refused_is_refused_with_its_reason(number, raw, name, message):
    response = posted(api(number), raw, name)
    assert (response.status_code, response.json()["error"]["field"]) == (400, "file")
    if message:
        assert response.json()["error"]["message"].startswith(message)
    with system("test"):
        assert not ChatImport.objects.exists()


def test_keys_reach_what_their_scope_says(number):
    assert posted(api(number, ["read"]), CHAT).status_code == 403
    body = {"format": "jsonl"}
    assert (
        api(number, ["messages"])
        .post("/api/v1/exports/", body, content_type="application/json")
        .status_code
        == 403
    )
    with system("test"):
        assert not ChatImport.objects.exists()
        assert not ChatExport.objects.exists()


def test_a_program_exports(number):
    fill(number)
    client = api(number)
    asked = {"format": "csv", "contact": "14155550100", "since": "2026-05-01T00:00:00Z"}
    made = client.post("/api/v1/exports/", asked, content_type="application/json")
    assert (made.status_code, made.json()["state"], made.json()["download_url"]) == (
        201,
        "running",
        "",
    )
    while jobs.work_due():
        pass
    done = client.get(f"/api/v1/exports/{made.json()['id']}/").json()
    assert (done["state"], done["processed"], done["percent"]) == ("done", 7, 100)
    file = Client().get(urlsplit(done["download_url"]).path)
    assert b"".join(file.streaming_content).count(b"\r\n") >= 8
    bad = client.post("/api/v1/exports/", {"format": "xls"}, content_type="application/json")
    assert (bad.status_code, bad.json()["error"]["field"]) == (400, "format")
    nowhere = client.post(
        "/api/v1/exports/", {"format": "csv", "contact": "999"}, content_type="application/json"
    )
    assert nowhere.status_code == 404
    assert client.post(f"/api/v1/exports/{made.json()['id']}/cancel/").status_code == 409


def owner(number):
    return make_client(number.business)


def test_pages_lead_from_the_file_to_the_conversation(number):
    client = owner(number)
    assert "Nothing imported yet" in client.get("/history/imports/").content.decode()
    bad = client.post("/history/imports/", {"file": SimpleUploadedFile("x.txt", b"nothing")})
    assert bad.status_code == 422
    assert "None of the first 1 lines begins a message" in bad.content.decode()
    made = client.post(
        "/history/imports/",
        {"file": SimpleUploadedFile("WhatsApp Chat with Ann.txt", CHAT.encode())},
    )
    page = made.headers["Location"]
    assert 'hx-trigger="every 2s"' in client.get(page).content.decode()
    work()
    shown = client.get(page).content.decode()
    assert "Who of them is your business?" in shown
    assert "Good morning" in shown
    assert client.post(page, {"business_senders": ["Bakery"], "contact": "x"}).status_code == 422
    begun = client.post(
        page, {"business_senders": ["Bakery"], "contact": "+49 151 2345678", "number": ""}
    )
    assert begun.status_code == 302
    work()
    shown = client.get(page).content.decode()
    assert "Open the conversation" in shown
    with system("test"):
        talk = ChatImport.objects.get().conversation
    thread = client.get(f"/inbox/{talk.public_id}/").content.decode()
    assert thread.count("<span>Imported</span>") == 8
    assert "This message was deleted." in thread
    assert "It was not part of what was imported." in thread
    assert client.post(page + "undo/").status_code == 302
    work()
    assert "Taken back" in client.get(page).content.decode()


def test_pages_ask_for_exports_and_hand_them_out(number):
    fill(number)
    client = owner(number)
    assert "No exports yet" in client.get("/history/exports/").content.decode()
    bad = client.post(
        "/history/exports/", {"format": "html", "since": "2026-05-02", "until": "2026-05-01"}
    )
    assert (bad.status_code, "The end must be after the beginning." in bad.content.decode()) == (
        422,
        True,
    )
    asked = {"format": "html", "since": "2026-05-01", "until": "2026-05-01", "has_media": "on"}
    assert client.post("/history/exports/", asked).status_code == 302
    assert 'hx-trigger="every 2s"' in client.get("/history/exports/").content.decode()
    while jobs.work_due():
        pass
    with system("test"):
        job = ChatExport.objects.get()
    assert (job.processed, job.total) == (
        2,
        2,
    )  # the day of the business, one message of each customer
    link = client.get(f"/history/exports/{job.public_id}/download/")
    assert b"".join(Client().get(link.headers["Location"]).streaming_content) == content(job)


def bend(raw, dice):
    """The bytes with some cut, doubled, swapped or strewn with what files should not hold."""
    parts = [
        b"\x00",
        b"\xff",
        b"\n",
        b"\r\n",
        "\u200e".encode(),
        "\u2028".encode(),
        b"[",
        b"]",
        b": ",
        b" - ",
        b"99/99/99, 99:99 - ",
        b"1/1/0001, 00:00 - ",
        "٩٩٩".encode(),
        b"13.03.21, 25:61 - x: ",
        b"<attached: x.jpg>",
        b"PK\x05\x06",
        b"\\N\t\\.",
        b'"',
        b"{}",
        b"'",
        "令和99999年".encode(),
        b"12:00 " * 40,
    ]
    for _ in range(dice.randrange(1, 12)):
        at, end = sorted((dice.randrange(len(raw) + 1), dice.randrange(len(raw) + 1)))
        raw = dice.choice(
            [
                raw[:at] + raw[end:],
                raw[:end] + raw[at:],
                raw[:at] + dice.choice(parts) + raw[at:],
                raw[:at] + bytes([dice.randrange(256)]) + raw[at + 1 :],
            ]
        )[:60_000]
    return raw


def hunt(number, examples):
    """Mutated exports of every kind, by HTTP and through to the end: refused by reason or
    brought in, never broken.
    """
    fill(number)
    whole = {f"{n}.txt": sample.text.encode() for n, sample in enumerate(SAMPLES.values())}
    whole |= {"all.jsonl": content(export(number)), "all.csv": content(export(number, "csv"))}
    whole |= {
        "all.zip": content(export(number, has_media=True)),
        "chat.zip": zipped(chat__txt=CHAT, a__png=PNG),
    }
    client = api(number)

    @settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(st.sampled_from(sorted(whole)), st.integers(0, 10**9))
    def run(name, seed):
        response = posted(client, bend(whole[name], random.Random(seed)), name)
        assert response.status_code in (201, 400), response.content
        if response.status_code == 400:
            assert response.json()["error"]["message"]
            return
        path = f"/api/v1/imports/{response.json()['id']}/"
        work()
        job = client.get(path).json()
        assert job["state"] in ("ready", "failed"), job
        assert not job["error"].startswith("Given up"), job
        if job["state"] == "ready":
            orders = job["preview"].get("day_orders", [""])
            answers = {"contact": "491512345678", "number": number.phone_number_id}
            begun = client.post(
                path + "start/",
                answers | ({"day_order": orders[0]} if orders[0] else {}),
                content_type="application/json",
            )
            assert begun.status_code == 200, begun.content
            work()
            job = client.get(path).json()
            assert job["state"] in ("done", "failed"), job
            assert not job["error"].startswith("Given up"), job
            if job["state"] == "done":
                assert job["processed"] == job["total"] >= job["added"]

    run()
    with system("test"):
        assert not Delivery.objects.exists()


def test_40_bent_exports_are_refused_or_brought_in(number):
    hunt(number, 40)


@pytest.mark.long
def test_2000_bent_exports_are_refused_or_brought_in(number):
    hunt(number, 2000)


WORKER = """
import django
django.setup()
from hosting.imports import jobs, write
write.BATCH_ROWS = 50
while jobs.work_due():
    pass
"""


def test_a_killed_worker_loses_and_doubles_nothing(committed_db):
    number = make_number(make_business("Bakery"))
    count = 3_000
    raw = "".join(
        f"13.03.21, {n // 600:02}:{n // 10 % 60:02} - Ann: number {n}\n" for n in range(count)
    )
    with scope(number.business_id):
        job = imports_jobs.create_import(
            business=number.business, author=None, file=io.BytesIO(raw.encode()), filename="c.txt"
        )
    work()
    with scope(number.business_id):
        job.refresh_from_db()
        imports_jobs.start_import(
            job=job, answers={"contact": "14155550100", "business_senders": []}
        )
    seen = rows_of(job)
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"},
    )
    deadline = time.monotonic() + 60
    while rows_of(job) == seen and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait(20)
    assert 0 < rows_of(job) < count
    work()
    with system("test"):
        job.refresh_from_db()
        assert (job.state, job.processed, job.added) == ("done", count, count)
        assert list(Message.objects.order_by("id").values_list("text", flat=True)) == [
            f"number {n}" for n in range(count)
        ]


def rows_of(job):
    with system("test"):
        return Message.objects.filter(imported_from=job).count()
