"""WhatsApp's exported chats: every layout, language and sample read exactly; archives held to
their limits.
"""

import io
import json
import random
import struct
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hosting.imports.formats import archives, text
from hosting.imports.formats.bodies import read_body
from hosting.imports.formats.errors import BadArchive, BadChatFile
from hosting.imports.formats.headers import DayOrderFinder
from tests.hosting.chat_samples import BODIES, SAMPLES, at

LATEST = date(2026, 11, 24)
FOLDER = Path(__file__).parent / "data" / "exports"
TARGET = json.loads((FOLDER / "target.json").read_text())


def read(raw, order=""):
    layout = text.layout_of(io.BytesIO(raw))
    finder = DayOrderFinder(layout, LATEST)
    for line in text.lines_of(io.BytesIO(raw)):
        if header := layout.header(text.decoded(line)):
            finder.see(header)
    found = list(
        text.entries(io.BytesIO(raw), layout, order=order or finder.found[0], latest=LATEST)
    )
    return finder.found, found


@pytest.mark.parametrize("name", list(SAMPLES))
def test_every_layout_is_read_exactly(name):
    sample = SAMPLES[name]
    orders, found = read(sample.text.encode())
    assert orders == sample.orders
    said = [
        (
            e.at,
            e.sender,
            "system" if e.is_system else read_body(e.body).kind,
            read_body(e.body).text,
        )
        for e in found
    ]
    assert said == [(at(time), *rest) for time, *rest in sample.said]


@pytest.mark.parametrize("body", list(BODIES))
def test_files_deletions_and_edits_are_told_in_every_language(body):
    said = read_body(body)
    assert (said.kind, said.text, said.filename, said.is_edited, said.is_deleted) == BODIES[body]


def test_a_name_in_brackets_counts_when_the_file_is_there():
    assert read_body("cake.pdf (ji bo xwarinê)").kind == "text"
    assert read_body("cake.pdf (ji bo xwarinê)", {"cake.pdf"}).filename == "cake.pdf"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_real_samples_are_read_exactly(path):
    orders, found = read(path.read_bytes())
    assert len(orders) == 1
    people = [entry for entry in found if not entry.is_system]
    # The reference joins lines by a space and lists the newest first.
    said = [
        {"timestamp": e.at.isoformat(), "author": e.sender, "message": e.body.replace("\n", " ")}
        for e in people
    ]
    assert said == TARGET[::-1]
    assert [entry.body for entry in found if entry.is_system] == [
        "John Doe:.",
        '+12 345 578 created group "Groupname"',
        "You were added",
    ]


def test_reading_goes_on_from_any_message():
    raw = "".join(sample.text for sample in (SAMPLES["android de"],) * 3).encode()
    _, found = read(raw)
    layout = text.layout_of(io.BytesIO(raw))
    for n, entry in enumerate(found):
        stream = io.BytesIO(raw)
        stream.seek(entry.end)
        rest = text.entries(
            stream, layout, order="dmy", latest=LATEST, offset=entry.end, line=entry.next_line
        )
        assert list(rest) == found[n + 1 :]


def test_unreadable_bytes_are_shown_as_such_and_long_ones_are_refused():
    _, found = read(b"13.03.21, 14:05 - Ann: a\xff\x00b\r\n")
    assert found[0].body == "a\ufffd\ufffdb"
    head = b"13.03.21, 14:05 - Ann: "
    with pytest.raises(BadChatFile, match="Line 2 is longer than the limit of 262,144 bytes"):
        read(head + b"a\n" + b"x" * 300_000)
    with pytest.raises(BadChatFile, match="line 1 is longer than the limit of 65,536 characters"):
        read(head + b"a\n" + b"word\n" * 20_000)
    with pytest.raises(BadChatFile, match="None of the first 2 lines begins a message"):
        read(b"just\ntext")


def test_the_hour_that_comes_twice_is_told_apart():
    folds = text.ClockFolds(ZoneInfo("Europe/Berlin"))
    times = [
        "2021-10-31T01:59",
        "2021-10-31T02:10",
        "2021-10-31T02:50",
        "2021-10-31T02:10",
        "2021-10-31T03:10",
    ]
    placed = [folds.placed(datetime.fromisoformat(time)).astimezone(UTC) for time in times]
    assert [f"{moment:%H:%M}" for moment in placed] == ["23:59", "00:10", "00:50", "01:10", "02:10"]


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("WhatsApp Chat with Ann Müller.txt", "Ann Müller"),
        ("WhatsApp Chat mit Ann.zip", "Ann"),
        ("WhatsApp Chat - Ann.zip", "Ann"),
        ("Chat de WhatsApp con Ann.txt", "Ann"),
        ("_chat.txt", ""),
        ("notes.txt", ""),
    ],
)
def test_the_other_person_is_named_by_the_file(filename, name):
    assert text.contact_in(filename) == name


def test_names_that_are_numbers_are_numbers():
    assert text.numbers_in(["+49 151 2345678", "+1 (415) 555-0100", "Ann", "0151 234", "+12"]) == {
        "+49 151 2345678": "491512345678",
        "+1 (415) 555-0100": "14155550100",
    }


def zipped(entries, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return out.getvalue()


def look(raw):
    with archives.open_archive(io.BytesIO(raw)) as archive:
        for name in archive.entries:
            with archive.reading(name) as member:
                while member.read():
                    pass
        return list(archive.entries)


def patched(raw, at, data):
    return raw[:at] + data + raw[at + len(data) :]


def linked():
    entry = zipfile.ZipInfo("chat.txt")
    entry.external_attr = 0o120777 << 16
    return zipped([(entry, "/etc/passwd")])


def encrypted():
    raw = zipped([("chat.txt", "x")])
    return patched(raw, raw.rfind(b"PK\x01\x02") + 8, struct.pack("<H", 1))


def lying_size():
    raw = zipped([("chat.txt", "x" * 5000)])
    return patched(raw, raw.rfind(b"PK\x01\x02") + 24, struct.pack("<L", 50))


def wrong_sum():
    raw = zipped([("chat.txt", "x" * 5000)])
    return patched(raw, raw.rfind(b"PK\x01\x02") + 16, b"abcd")


def overlapping():
    raw = zipped([("a.txt", "x" * 300), ("b.txt", "y" * 300)], zipfile.ZIP_STORED)
    return patched(raw, raw.rfind(b"PK\x01\x02") + 42, struct.pack("<L", 10))


def twice():
    with pytest.warns(UserWarning, match="Duplicate name"):
        return zipped([("chat.txt", "a"), ("chat.txt", "b")])


def claims_many():
    raw = zipped([("chat.txt", "x")])
    return patched(raw, raw.rfind(b"PK\x05\x06") + 10, struct.pack("<H", 60_000))


BAD = {
    "outside, by dots": (
        lambda: zipped([("../../x", "a")]),
        "names a file outside itself: '../../x'",
    ),
    "outside, by root": (lambda: zipped([("/etc/x", "a")]), "names a file outside itself"),
    "outside, by drive": (lambda: zipped([("C:/x", "a")]), "names a file outside itself"),
    "a link": (linked, "is a link or device"),
    "encrypted": (encrypted, "'chat.txt' in the archive is encrypted"),
    "the same name twice": (twice, "holds 'chat.txt' twice"),
    "a bomb": (
        lambda: zipped([("chat.txt", b"\0" * 30_000_000)]),
        "packed more than 100 to 1, which is the limit",
    ),
    "many files": (
        lambda: zipped([(f"{n}", "") for n in range(5001)]),
        "has 5,001 or more files; the limit is 5,000",
    ),
    "says many files": (claims_many, "has 60,000 or more files; the limit is 5,000"),
    "a size that is a lie": (lying_size, "'chat.txt' in the archive is damaged"),
    "a wrong sum": (wrong_sum, "'chat.txt' in the archive is damaged: BadZipFile"),
    "overlapping files": (overlapping, "overlaps another file"),
    "another packing": (
        lambda: zipped([("chat.txt", "x")], zipfile.ZIP_LZMA),
        "packed in a way that is not taken",
    ),
    "cut off": (
        lambda: zipped([("chat.txt", random.Random(1).randbytes(9000))])[:5000],
        "has no end",
    ),
}


@pytest.mark.parametrize("case", list(BAD))
def test_an_archive_outside_its_limits_is_refused_by_name(case):
    make, message = BAD[case]
    with pytest.raises(BadArchive) as refused:
        look(make())
    assert message in refused.value.message


def test_the_bytes_that_come_out_are_counted():
    raw = io.BytesIO(zipped([("a.txt", "x" * 2500), ("b.txt", "y" * 2500)]))
    with archives.open_archive(raw) as archive:
        archive.left = 4000
        with archive.reading("a.txt") as member:
            assert len(member.read()) == 2500
        with (
            pytest.raises(BadArchive, match="is larger than the limit of"),
            archive.reading("b.txt") as member,
        ):
            member.read()


def test_a_good_archive_is_read():
    inner = zipped([("42.txt", "x")])
    assert look(zipped([("_chat.txt", "hello"), ("inner.zip", inner), ("ä/ö.jpg", "x")])) == [
        "_chat.txt",
        "inner.zip",
        "ä/ö.jpg",
    ]
