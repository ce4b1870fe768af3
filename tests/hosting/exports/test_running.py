"""Exports while they run: cut off, cancelled, expired, refused."""

import json
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from core.errors import BadInput, NotYours
from core.tenancy import scope, system
from hosting import jobs as hosting_jobs
from hosting.exports import jobs, parts
from hosting.imports.formats import records
from hosting.models import (
    ChatExport,
    Number,
)
from tests.factories import make_number
from tests.hosting.claimed import claimed_job, end_leases
from tests.hosting.exports.test_exports import (
    AT,
    content,
    export,
    number,
    unzipped,
    worked,
)
from tests.hosting.imports.test_imports import upload

# Fixtures.
__all__ = ["number"]


def test_only_what_was_asked_for_is_in_it(number):
    other = make_number(number.business, digits="15550001111")
    by = {
        "contact": ({"contact": "+14155550100"}, 7),
        "number": ({"number": number.phone_number_id}, 14),
        "another number": ({"number": other.phone_number_id}, 0),
        "days": ({"since": AT + timedelta(hours=20), "until": AT + timedelta(hours=60)}, 4),
    }
    for name, (wanted, count) in by.items():
        job = export(number, **wanted)
        assert (name, len(content(job).splitlines()), job.total) == (name, count, count)


@pytest.mark.parametrize("format", ["jsonl", "csv", "html"])
def test_a_cut_off_export_goes_on_and_is_the_same(number, format, monkeypatch):
    whole = content(export(number, format, has_media=True))
    monkeypatch.setattr(parts, "CHUNK", 2)
    monkeypatch.setattr(parts, "PART_MESSAGES", 3)
    with scope(number.business_id):
        job = jobs.request_export(
            business=number.business,
            author=None,
            wanted=jobs.ExportRequest(format=format, has_media=True),
        )
    for n in range(1, 4):
        mine = claimed_job(jobs.QUEUE)
        monkeypatch.setattr(parts.time, "monotonic", iter([0.0, 1.0, 9.0]).__next__)
        assert not parts.extract(mine, seconds=5)
        monkeypatch.undo()
        monkeypatch.setattr(parts, "CHUNK", 2)
        monkeypatch.setattr(parts, "PART_MESSAGES", 3)
        assert (mine.parts, mine.processed) == (n, 3 * n)
        # The worker dies here.
        end_leases(jobs.QUEUE)
    job = worked(job)
    assert (job.processed, job.parts) == (14, 5)
    assert unzipped(content(job)) == unzipped(whole)
    assert not default_storage.exists(parts.part_path(job, 0))


def test_a_cancelled_export_leaves_nothing(number):
    with scope(number.business_id):
        job = jobs.request_export(
            business=number.business, author=None, wanted=jobs.ExportRequest(format="jsonl")
        )
    mine = claimed_job(jobs.QUEUE)
    parts.extract(mine, seconds=9)
    assert default_storage.exists(parts.part_path(job, 0))
    with scope(number.business_id):
        jobs.cancel(job=job)
        with pytest.raises(jobs.NotNow):
            jobs.cancel(job=job)
    with pytest.raises(hosting_jobs.Stopped), scope(number.business_id):
        hosting_jobs.keep(mine)
    assert jobs.work_due() == 0
    assert not default_storage.exists(parts.part_path(job, 0))
    assert jobs.download_path(job) == ""


def test_a_link_ends_and_so_does_the_file(client, number, monkeypatch):
    job = export(number)
    path = jobs.download_path(job)
    response = client.get(path)
    assert (response.status_code, b"".join(response.streaming_content)) == (200, content(job))
    assert response["Content-Disposition"].startswith("attachment; filename")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert client.get(path[:-1]).status_code == 404
    monkeypatch.setattr(jobs, "LINK_SECONDS", -1)
    assert client.get(path).status_code == 404
    monkeypatch.undo()
    with system("test"):
        ChatExport.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        assert jobs.expire() == 1
    assert client.get(path).status_code == 404
    assert not default_storage.exists(job.path)


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ({"format": "docx"}, "format"),
        ({"format": "jsonl", "since": AT, "until": AT}, "until"),
        ({"format": "jsonl", "contact": "1", "number": "2"}, "number"),
        ({"format": "jsonl", "conversation": "x"}, "conversation"),
        ({"format": "jsonl", "conversation": "0a3c62c4-1a67-4f1c-8f39-0d2a1c0d8a11"}, ""),
        ({"format": "jsonl", "contact": "49999"}, ""),
    ],
)
def test_what_cannot_be_exported_is_refused_by_name(number, wanted, error):
    with scope(number.business_id), pytest.raises(BadInput if error else NotYours) as refused:
        jobs.request_export(
            business=number.business, author=None, wanted=jobs.ExportRequest(**wanted)
        )
    assert getattr(refused.value, "field", "") == error
    with system("test"):
        assert not ChatExport.objects.exists()
        assert Number.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"direction": "up"}, "Line 1: direction must be in or out."),
        ({"status": "sent"}, "Line 1: status must be one of received."),
        (
            {"created_at": "yesterday"},
            "Line 1: created_at must be a moment as 2026-05-01T12:00:00+00:00.",
        ),
        ({"created_at": "9999-12-31T23:59:59+00:00"}, "Line 1: created_at must be a moment"),
        ({"kind": "x" * 21}, "Line 1: kind is longer than the limit of 20 characters."),
        ({"text": 5}, "Line 1: text must be a text."),
        ({"contact": None}, "Line 1: a record is an object with an object 'contact'."),
        ({"content": []}, None),
        ({"content": [1]}, "Line 1: content must be an object"),
        ({"errors": {}}, "Line 1: errors must be a list of objects."),
        ({"number": "+15550009999"}, "Line 1: number must be the digits"),
        ({"wamid": ""}, "Line 1: wamid, kind, contact.wa_id and created_at must not be empty."),
        ({"media": {"file": 1}}, "Line 1: media must be an object"),
    ],
)
def test_a_wrong_record_is_refused_by_line_and_field(number, change, message):
    line = json.loads(content(export(number)).splitlines()[0]) | change
    raw = json.dumps(line).encode()
    if message is None:
        assert upload(number.business, raw, "x.jsonl").source == "jsonl"
        return
    with pytest.raises(records.BadChatFile) as refused:
        upload(number.business, raw, "x.jsonl")
    assert refused.value.message.startswith(message)
