"""WhatsApp's exported chats: every layout, language and sample read exactly; archives held to
their limits.
"""

import io
import json
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hosting.imports.formats import text
from hosting.imports.formats.bodies import read_body
from hosting.imports.formats.errors import BadChatFile
from hosting.imports.formats.survey import Survey
from tests.hosting.chat_samples import BODIES, SAMPLES, at

LATEST = date(2026, 11, 24)
FOLDER = Path(__file__).parent / "data" / "exports"
TARGET = json.loads((FOLDER / "target.json").read_text())


def surveyed(raw):
    layout = text.layout_of(io.BytesIO(raw))
    survey = Survey(layout, LATEST)
    for _ in text.surveyed(io.BytesIO(raw), survey):
        pass
    return layout, survey


def read(raw, order=""):
    layout, survey = surveyed(raw)
    orders = survey.orders.found
    stream = io.BytesIO(raw)
    found = text.entries(
        stream, layout, order=order or orders[0], latest=LATEST, learned=survey.learned
    )
    return orders, list(found)


def said(raw):
    """Return (sender, kind, text, whether deleted) of each message of a chat."""
    _, survey = surveyed(raw)
    _, found = read(raw)
    bodies = [(e, read_body(e.body, is_marked=e.is_marked, learned=survey.learned)) for e in found]
    return [
        (e.sender, "system" if e.is_system else body.kind, body.text, body.is_deleted)
        for e, body in bodies
    ]


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
        "John Doe:.", '+12 345 578 created group "Groupname"', "You were added",
    ]  # fmt: skip


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


CASES = Path(__file__).parent / "data" / "cases"
ANN, BO = "Ann", "Bo"
# File -> (sender, kind, text, whether deleted) of each message.
REPORTED = {
    "attached_old_ios": [(ANN, "image", "", False)],
    "doc_without_ending": [
        (ANN, "document", "DOC-20240513-WA0006.", False),
        ("Bob", "text", "ok", False),
    ],
    "hebrew_12h": [("דנה", "text", "שלום", False), ("Avi", "text", "היי", False)],
    "impossible_dates_swallowed": [
        (ANN, "text", "one", False),
        (BO, "text", "two", False),
        (ANN, "text", "three", False),
        (BO, "text", "four", False),
    ],
    "jalali": [("شیرین", "text", "سلام", False), ("Omid", "text", "خوبی", False)],
    "left_out_long_caption": [
        (ANN, "text", "hello", False),
        (ANN, "media_placeholder", "A caption that is longer than that", False),
        (BO, "text", "ok", False),
    ],
    "no_space_after_colon": [
        ("Alice", "text", "Hey", False),
        ("Bob", "text", "Hi", False),
        ("Bob", "text", "Are you there", False),
    ],
    "null": [("Dan", "media_placeholder", "", False), ("Eve", "text", "hi", False)],
    "persian": [
        ("شیرین", "media_placeholder", "", False),
        ("Omid", "text", "سلام", False),
        ("Omid", "text", "", True),
    ],
    "swedish_ios": [
        (ANN, "image", "", False),
        (BO, "text", "hej", False),
        (BO, "text", "", True),
    ],
    "unknown_language_left_out": [
        ("Ann Example", "text", "Hello", False),
        ("Ann Example", "media_placeholder", "", False),
        (BO, "text", "ok", False),
    ],
}


@pytest.mark.parametrize("name", list(REPORTED))
def test_chats_of_public_reports_are_read(name):
    assert said((CASES / f"chat_{name}.txt").read_bytes()) == REPORTED[name]


def days(raw):
    return [f"{entry.at:%Y-%m-%d %H:%M}" for entry in read(raw.encode())[1]]


# Layouts of public collections of exports, one message each, and its time.
HEADERS = {
    "3/6/18, 1:55 p.m. - a: m": "2018-06-03 13:55",
    "03-06-2018, 01.55 PM - a: m": "2018-06-03 13:55",
    "13.06.18 21.25.15: a: m": "2018-06-13 21:25",
    "[06.13.18 21:25:15] a: m": "2018-06-13 21:25",
    "13.6.2018 klo 21.25.15 - a: m": "2018-06-13 21:25",
    "13. 6. 2018. 21:25:15 a: m": "2018-06-13 21:25",
    "[3/6/18 1:55:00 p. m.] a: m": "2018-03-06 13:55",
    "[2018/06/13, 21:25:15] a: m": "2018-06-13 21:25",
    "[06/2018/13, 21:25:15] a: m": "2018-06-13 21:25",
    "3/6/2018 1:55 p. m. - a: m": "2018-06-03 13:55",
    "‎[13/06/2018, 21:25:15] a: m": "2018-06-13 21:25",
    "19-30-04, 02:09 - a: m": "2019-04-30 02:09",
    "2018-06-13 21 h 25 - a: m": "2018-06-13 21:25",
    "13.06.18 г., 21:25 ч. - a: m": "2018-06-13 21:25",
    "21:25, 13/6/2018 - a: m": "2018-06-13 21:25",
    "民國107年6月13日 下午9:25 - a: m": "2018-06-13 21:25",
    "107/6/13 下午9:25 - a: m": "2018-06-13 21:25",
    "1397/3/23 AP،‏ 21:25 - a: m": "2018-06-13 21:25",
    "99/3/23، 21:25 - a: m": "2020-06-12 21:25",
    "13/6/2561 BE 21:25 - a: m": "2018-06-13 21:25",
    "[13.6.2018, 9:25:15 אחרי הצהריים] a: m": "2018-06-13 21:25",
}


@pytest.mark.parametrize("line", list(HEADERS))
def test_layouts_of_public_collections_are_read(line):
    _, found = read(line.encode())
    assert [(f"{e.at:%Y-%m-%d %H:%M}", e.sender, e.body) for e in found] == [
        (HEADERS[line], "a", "m")
    ]


@pytest.mark.parametrize(
    ("chat", "line"),
    [
        ("13.03.21, 14:05 - Ann: a\n99.99.21, 14:05 - Eve: b\n", 2),
        ("13.03.21, 14:05 - Ann: a\n13.03.21, 25:05 - Eve: b\n", 2),
        ("31/01/21, 14:05 - Ann: a\nmore\n31/02/21, 14:05 - Eve: b\n", 3),
        ("1400/07/01, 14:05 - a: m\n1400/07/31, 14:05 - a: m\n", 2),
        ("13.03.21, 14:05 - Ann: a\n13.03.2089, 14:05 - Eve: b\n13.03.2090, 14:05 - Eve: c\n", 2),
        # The Islamic calendar goes by sighting the moon; a calculated day would be guessed.
        ("1445/02/03, 14:05 - a: m\n", 1),
    ],
)
def test_a_date_that_cannot_be_is_refused_with_its_line(chat, line):
    with pytest.raises(BadChatFile, match=f"^Line {line} begins with a date or time that cannot"):
        read(chat.encode())


def test_words_of_the_day_that_no_language_knows_are_learned_from_the_order():
    chat = "".join(
        f"{day}/3/21, {clock} - Ann: hi\n"
        for day in (13, 14, 15)
        for clock in ("9:05 xuz", "11:59 xuz", "12:30 qox", "3:10 qox")
    )
    assert days(chat)[:4] == [f"2021-03-13 {at}" for at in ("09:05", "11:59", "12:30", "15:10")]


def test_words_of_the_day_that_nothing_explains_are_refused():
    with pytest.raises(
        BadChatFile, match="Line 1 has a word beside the time of which it is unknown"
    ):
        read(b"13/3/21, 9:05 xuz - Ann: hi\n13/3/21, 9:07 xuz - Ann: ho\n")


# An export of iOS or Android -> its messages.
STRUCTURES = {
    "words beside a file are learned": (
        "1/3/21, 10:05 - Ann: IMG-20210313-WA0001.jpg (blerim i ri)\n"
        "13/3/21, 10:06 - Ann: menu.pdf (blerim i ri)\n"
        "13/3/21, 10:07 - Ann: menu.pdf (see there)\n",
        [
            (ANN, "image", "", False),
            (ANN, "document", "menu.pdf", False),
            (ANN, "text", "menu.pdf (see there)", False),
        ],
    ),
    "words in angle brackets are learned": (
        "13/3/21, 10:05 - Ann: <blerim i ri>\n13/3/21, 10:06 - Bo: <blerim i ri>\nof us\n"
        "13/3/21, 10:07 - Ann: <just kidding>\n13/3/21, 10:08 - Ann: <b>\n",
        [
            (ANN, "media_placeholder", "", False),
            (BO, "media_placeholder", "of us", False),
            (ANN, "text", "<just kidding>", False),
            (ANN, "text", "<b>", False),
        ],
    ),
    "a document of ios without an ending": (
        "[13/3/21, 10:05:00] Ann: hi\n‎[13/3/21, 10:06:00] Ann: ‎<blerim: 00000012-menu>\n",
        [(ANN, "text", "hi", False), (ANN, "document", "00000012-menu", False)],
    ),
    "left out with a caption, and with pages": (
        "‎[13/3/21, 10:05:00] Ann: our bread ‎blerim i ri\n"
        "‎[13/3/21, 10:06:00] Ann: menu.pdf • ‎3 blerim ‎blerim i ri\n",
        [
            (ANN, "media_placeholder", "our bread", False),
            (ANN, "document", "menu.pdf • ‎3 blerim", False),
        ],
    ),
    "a poll": (
        "‎[13/3/21, 10:05:00] Ann: ‎BLERIM:\nCake?\n‎OPTION: yes (‎3 votes)\n",
        [(ANN, "text", "BLERIM:\nCake?\n‎OPTION: yes (‎3 votes)", False)],
    ),
    "notices of a group": (
        "[13/3/21, 10:05:00] Bread club: ‎Ann blerim Bo\n[13/3/21, 10:06:00] Ann: ok\n",
        [("Bread club", "system", "Ann blerim Bo", False), (ANN, "text", "ok", False)],
    ),
    "a notice with a colon": (
        "13/3/21, 10:05 - Ann: hi\n13/3/21, 10:06 - Ann: ho\n"
        "13/3/21, 10:07 - Ann changed the description to: bring cake\n",
        [
            (ANN, "text", "hi", False),
            (ANN, "text", "ho", False),
            ("", "system", "Ann changed the description to: bring cake", False),
        ],
    ),
    "marks before every line mean nothing": (
        "‎[13/3/21, 10:05:00] Ann: hi\n‎[13/3/21, 10:06:00] Ann: ho\n"
        "‎[13/3/21, 10:07:00] Club: ‎Ann left\n",
        [
            (ANN, "text", "hi", False),
            (ANN, "text", "ho", False),
            ("Club", "system", "Ann left", False),
        ],
    ),
    "no space after the colon, but no name": (
        "[13/3/21, 10:05:00] Ann:hi\n[13/3/21, 10:06:00] see https://x.example\n"
        "[13/3/21, 10:07:00] opens at 10:30\n",
        [
            (ANN, "text", "hi", False),
            ("", "system", "see https://x.example", False),
            ("", "system", "opens at 10:30", False),
        ],
    ),
    "deleted in other languages": (
        "13/3/21, 10:05 - Ann: این پیام حذف شد\n"
        "13/3/21, 10:06 - Ann: Du slettet denne meldingen.\n",
        [(ANN, "text", "", True), (ANN, "text", "", True)],
    ),
}


@pytest.mark.parametrize("name", list(STRUCTURES))
def test_what_a_message_is_shows_in_its_structure(name):
    chat, right = STRUCTURES[name]
    assert said(chat.encode()) == right
