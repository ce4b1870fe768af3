"""Search: words, beginnings, phrases, numbers and filters, in every script; quick paths agree;
nothing leaks.
"""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Business
from core.errors import BadInput
from core.tenancy import scope, system
from hosting.models import Contact, Conversation, Message, Number
from hosting.search import engine
from hosting.search import query as search_query
from hosting.search.engine import Filters, search
from tests.factories import make_business, make_number

pytestmark = pytest.mark.django_db
START = datetime(2026, 5, 1, 12, tzinfo=UTC)


def say(
    number: Number, *texts: str, to: str = "14155550100", at: datetime = START, **fields: Any
) -> list[Message]:
    """Inbound messages in the order of their texts, a minute apart."""
    with system("test data"):
        contact, _ = Contact.objects.get_or_create(business=number.business, wa_id=to)
        thread, _ = Conversation.objects.get_or_create(
            business=number.business, number=number, contact=contact
        )
        fields = {"direction": "in", "kind": "text", "status": "received"} | fields
        return Message.objects.bulk_create(
            Message(
                business=number.business,
                number=number,
                conversation=thread,
                contact=contact,
                text=text,
                created_at=at + timedelta(minutes=n),
                **fields,
            )
            for n, text in enumerate(texts)
        )


def found(business: Business, words: str, **asked: Any) -> list[str]:
    with scope(business.pk):
        return [hit.message.text for hit in search(business=business, words=words, **asked).hits]


@pytest.fixture
def number() -> Number:
    return make_number(make_business())


TEXTS = [
    "Your order A-1042 ships tomorrow",
    "Delivery to New York is delayed",
    "York is new to me",
    "Grüße aus Köln, Café am Ring",
    "東京都に行く",
    "ฉันรักน้ำ",
    "Call me: +49 151 234-5678",
    "नमस्ते दुनिया",
    "안녕하세요 세계",
    "مرحبا بالعالم",
    "Привет, мир",
    "see https://shop.example/a/b?x=1 and/or mail ann@example.com",
    "100% off! 3.50 EUR",
]
ASKED = {
    "order": [0],
    "ORDER tomorrow": [0],
    "A-1042": [0],
    "a 1042": [0],
    "deliv": [1],
    "deliv is": [],
    "deliv* is": [1],
    '"new york"': [1],
    "new york": [2, 1],
    '"york new"': [],
    "york -delayed": [2],
    "york -new": [],
    "kol": [3],
    "cafe": [3],
    "CAFÉ": [3],
    "grüße köln": [3],
    "東京": [4],
    "京都": [4],
    "都に行": [4],
    "行": [4],
    "京": [4],
    "東都": [],
    "รัก": [5],
    "น้ำ": [5],
    "+49 151 2345678": [6],
    "491512345678": [6],
    "00491512345678": [6],
    "4915123": [6],
    "234-5678": [6],
    "नमस्ते": [7],
    "안녕": [8],
    "بالعالم": [9],
    "привет МИР": [10],
    "example": [11],
    "shop.example": [11],
    "or mail": [11],
    "ann@example.com": [11],
    "3.50": [12],
    "100": [12],
    "50%": [12],
}


@pytest.fixture(params=["newest", "begun", "stretches"])
def way(request: Any, monkeypatch: Any) -> str:
    """Each of the three ways by which hits are found, alone."""
    monkeypatch.setattr(engine, "RECENT_MESSAGES", 1000 if request.param == "newest" else 0)
    monkeypatch.setattr(engine, "MAX_PREFIX_HITS", -1 if request.param == "stretches" else 1000)
    return str(request.param)


def test_every_language_is_found_by_word_beginning_phrase_and_number(
    number: Number, way: str
) -> None:
    say(number, *TEXTS)
    wrong = {words: found(number.business, words) for words in ASKED}
    assert wrong == {words: [TEXTS[n] for n in places] for words, places in ASKED.items()}


def test_filters_are_kept(number: Number, way: str) -> None:
    business = number.business
    second = make_number(business)
    say(number, "red apple", to="491511111111")
    say(second, "red pear", to="491512222222", at=START + timedelta(days=2))
    say(number, "red photo", kind="image", at=START + timedelta(days=3))
    say(
        number,
        "red answer",
        direction="out",
        status="sent",
        category="service",
        at=START + timedelta(days=4),
    )
    with scope(business.pk):
        ann = Contact.objects.get(wa_id="491511111111")
    cases: list[tuple[Filters, list[str]]] = [
        (Filters(), ["red answer", "red photo", "red pear", "red apple"]),
        (Filters(number=second), ["red pear"]),
        (Filters(contact=ann), ["red apple"]),
        (Filters(kind="image"), ["red photo"]),
        (Filters(direction="out"), ["red answer"]),
        (Filters(since=START + timedelta(days=2)), ["red answer", "red photo", "red pear"]),
        (Filters(until=START + timedelta(days=2)), ["red apple"]),
        (
            Filters(number=number, direction="in", until=START + timedelta(days=9)),
            ["red photo", "red apple"],
        ),
    ]
    for filters, texts in cases:
        assert found(business, "red", filters=filters) == texts
        assert found(business, "", filters=filters) == texts


def test_pages_cover_every_hit_once_newest_first(number: Number, monkeypatch: Any) -> None:
    texts = [f"{'apple' if n % 3 else 'pear'} {n}" for n in range(60)]
    # Three share each moment, and what came last is not what was said last.
    with system("test data"):
        rows = say(number, *random.Random(1).sample(texts, len(texts)))
        for n, row in enumerate(rows):
            Message.objects.filter(pk=row.pk).update(
                created_at=START + timedelta(minutes=(n * 7 % 60) // 3)
            )
        wanted = list(
            Message.objects.filter(text__startswith="pear")
            .order_by("-created_at", "-id")
            .values_list("id", flat=True)
        )
    for glance, few in ((1000, 1000), (10, 1000), (3, 5), (0, 1000), (0, -1)):
        monkeypatch.setattr(engine, "RECENT_MESSAGES", glance)
        monkeypatch.setattr(engine, "MAX_PREFIX_HITS", few)
        seen, below = [], None
        with scope(number.business_id):
            while True:
                page = search(business=number.business, words="pear", below=below, limit=7)
                seen += [hit.message.pk for hit in page.hits]
                if page.next is None:
                    break
                below = page.next
        assert seen == wanted


def test_hits_of_one_season_are_found_day_by_day_in_the_same_order(
    number: Number, monkeypatch: Any
) -> None:
    """More hits in one stretch of 32 days than are read at once, few in others, none in most."""
    monkeypatch.setattr(engine, "RECENT_MESSAGES", 0)
    for day, count in ((0, 3), (100, 150), (101, 120), (103, 2), (130, 1), (300, 201), (400, 1)):
        say(number, *(f"pear {day}" for _ in range(count)), at=START + timedelta(days=day))
        say(number, "apple", at=START + timedelta(days=day))
    with system("test"):
        wanted = list(
            Message.objects.filter(text__startswith="pear")
            .order_by("-created_at", "-id")
            .values_list("id", flat=True)
        )
    seen, below = [], None
    with scope(number.business_id):
        while True:
            page = search(business=number.business, words="pear", below=below, limit=90)
            seen += [hit.message.pk for hit in page.hits]
            if page.next is None:
                break
            below = page.next
    assert seen == wanted
    until = START + timedelta(days=101, minutes=5)
    since = START + timedelta(days=100, minutes=148)
    assert (
        found(number.business, "pear", filters=Filters(since=since, until=until))
        == ["pear 101"] * 5 + ["pear 100"] * 2
    )


@pytest.mark.parametrize("few", [1000, 40, -1])
def test_longer_words_are_found_among_the_whole_ones_in_their_order(
    number: Number, monkeypatch: Any, few: int
) -> None:
    """Both kinds in the same stretches and in others; each page is the newest of both."""
    monkeypatch.setattr(engine, "RECENT_MESSAGES", 0)
    monkeypatch.setattr(engine, "MAX_PREFIX_HITS", few)
    for day, words in (
        (0, ["pears"] * 30),
        (40, ["pear", "pears"] * 15),
        (80, ["pear"] * 30),
        (90, ["pears", "apple"]),
    ):
        say(number, *words, at=START + timedelta(days=day))
    say(number, "pears -apples", to="491511111111", at=START + timedelta(days=91))
    with system("test"):
        wanted = list(
            Message.objects.filter(text__startswith="pear")
            .order_by("-created_at", "-id")
            .values_list("id", flat=True)
        )
    seen, below = [], None
    with scope(number.business_id):
        while True:
            page = search(business=number.business, words="pear", below=below, limit=20)
            seen += [hit.message.pk for hit in page.hits]
            if page.next is None:
                break
            below = page.next
    assert (len(seen), seen) == (92, wanted)
    assert len(found(number.business, '"pear"', limit=50)) == 45
    assert found(number.business, "-app* pear", limit=1) == ["pears"]


def test_what_is_edited_taken_back_or_moved_is_found_as_it_is_now(number: Number) -> None:
    (message,) = say(number, "the old words", to="491511111111")
    with system("test data"):
        other = Contact.objects.create(business=number.business, wa_id="491512222222")
        Message.objects.filter(pk=message.pk).update(text="newer words")
        # The contact of a message is its conversation's.
        Conversation.objects.filter(pk=message.conversation_id).update(contact=other)
    assert found(number.business, "old") == []
    assert found(number.business, "newer", filters=Filters(contact=other)) == ["newer words"]
    with system("test data"):
        Message.objects.filter(pk=message.pk).update(text="")
        with connection.cursor() as cursor:
            cursor.execute("SELECT search::text FROM hosting_message")
            assert "newer" not in cursor.fetchone()[0]


HOSTILE = [
    "'#w{other}.301'",
    "#w{other}.301",
    "x' | '#w{other}.301",
    "secret | secret",
    "!secret",
    "secret:*",
    "<->",
    "\\' & secret",
]


def test_no_words_and_no_filters_reach_another_business(number: Number, way: str) -> None:
    other = make_number(make_business("Other"))
    say(other, "secret of the other", "'#w' secret w1 w2", "x secret", to="491519999999")
    mine = say(number, "secret of mine")[0]
    with system("test data"):
        foreign = Contact.objects.get(wa_id="491519999999")
    for words in ["secret", "", *(text.format(other=other.business_id) for text in HOSTILE)]:
        with scope(number.business_id):
            try:
                hits = search(business=number.business, words=words).hits
            except BadInput:
                continue
        assert {hit.message.pk for hit in hits} <= {mine.pk}
    for filters in (
        Filters(number=other),
        Filters(contact=foreign),
        Filters(kind=f"x' | '#w{other.business_id}.301"),
    ):
        assert found(number.business, "secret", filters=filters) == []


def test_the_statements_themselves_keep_to_the_business(number: Number) -> None:
    """Even a query without the business's lexeme finds nothing foreign: the column is asked as
    well.
    """
    other = make_number(make_business("Other"))
    say(other, "secret")
    asked = {
        "query": "'secret'",
        "n": 9,
        "below_at": engine.LATEST,
        "below_id": 0,
        "since": engine.EARLIEST,
        "until": engine.LATEST,
        "look": 99,
        "first": 0,
        "last": 20_000,
        "above_at": engine.EARLIEST,
        "above_id": 0,
        "most": 9,
    }
    for verb in ("search_recent", "search_index", "search_range"):
        with scope(number.business_id):
            assert engine._run(verb, asked) == []
        with scope(other.business_id):
            assert len(engine._run(verb, asked)) == 1
        with system("test"):
            assert engine._run(verb, asked) == []


def test_a_business_without_messages_is_answered_without_walking_through_all_time(
    number: Number,
) -> None:
    say(number, "rye bread")
    newcomer = make_business()
    with scope(newcomer.pk), CaptureQueriesContext(connection) as asked:
        assert search(business=newcomer, words="rye").hits == []
    assert any("hosting_search_span" in query["sql"] for query in asked)
    assert not any("hosting_search_index" in query["sql"] for query in asked)


def test_what_is_read_is_what_the_readers_scope_shows(number: Number) -> None:
    """Were an id of another business to come out of the index, its message would still not be
    shown.
    """
    foreign = say(make_number(make_business("Other")), "secret")[0]
    with scope(number.business_id):
        assert engine._hits(number.business, [foreign.pk], []) == []


@settings(max_examples=60, deadline=None, database=None)
@given(words=st.text(max_size=60))
def test_any_text_is_answered_and_finds_itself(words: str) -> None:
    terms = search_query.terms_of(words)
    assert len(terms) <= search_query.MAX_TERMS
    search_query.spans(words, terms)
    with connection.cursor() as cursor:
        for term in terms:
            cursor.execute(
                """SELECT place, v.lexeme FROM unnest(to_tsvector('simple',
                hosting_search_tokens(%s))) v,
                          unnest(v.positions) place ORDER BY 1""",
                [term.words.replace("\x00", "")],
            )
            query = search_query.query_of(
                search_query.Term(term.words, term.is_prefix), cursor.fetchall()
            )
            if query:
                cursor.execute(
                    "SELECT hosting_search_vector(1, 1, 1, 'in', 'text', %s, now()) @@ %s::tsquery",
                    [term.words.replace("\x00", ""), query],
                )
                assert cursor.fetchone() == (True,)


def test_words_without_letters_are_refused(number: Number) -> None:
    for words in ("...", "-only", "😀", '""'):
        with scope(number.business_id), pytest.raises(BadInput) as refusal:
            search(business=number.business, words=words)
        assert refusal.value.field == "q"


def test_a_search_that_takes_too_long_is_refused_and_the_connection_lives(
    number: Number, monkeypatch: Any
) -> None:
    say(number, "red apple")
    monkeypatch.setattr(engine, "TIMEOUT_MS", 50)
    monkeypatch.setattr(
        engine, "_positions", lambda *_: connection.cursor().execute("SELECT pg_sleep(2)")
    )
    with scope(number.business_id):
        with pytest.raises(engine.TooBroad):
            search(business=number.business, words="red")
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout'), current_user")
            assert cursor.fetchone() == ("0", "parley_app")
        assert Message.objects.count() == 1


SPANS = [
    ("Grüße aus Köln", "köln grusse", ["Köln"]),
    ("New York, new york", '"new york"', ["New York", "new york"]),
    ("Delivery delivered", "deliv", ["Deliv", "deliv"]),
    ("Delivery deliver", "deliver -x", ["deliver"]),
    ("東京都に行く", "京都", ["京都"]),
    ("Call +49 151 234-5678 now", "491512345678", ["49 151 234-5678"]),
    ("nothing here", "absent", []),
]


@pytest.mark.parametrize(("text", "words", "marked"), SPANS)
def test_hits_are_marked_where_they_stand(text: str, words: str, marked: list[str]) -> None:
    assert [
        text[start:end] for start, end in search_query.spans(text, search_query.terms_of(words))
    ] == marked


def test_a_text_too_long_for_the_index_is_kept_and_found_by_its_beginning(number: Number) -> None:
    text = "beginning " + "東" * 30_000 + " " + " ".join(f"w{n}" for n in range(200_000))
    (message,) = say(number, text)
    assert found(number.business, "beginning") == [message.text]
    assert found(number.business, "w199999") == []
