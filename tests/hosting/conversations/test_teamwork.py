"""What colleagues do about a conversation: labels, notes, snoozing, canned replies; the customer
sees none of it.
"""

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Business, User
from core.errors import BadInput
from core.tenancy import scope, system
from hosting.contacts import number_changes
from hosting.conversations import changes, teamwork, thread
from hosting.inbound import events
from hosting.models import (
    CannedReply,
    Contact,
    Conversation,
    ConversationLabel,
    Direction,
    Label,
    Message,
    Note,
    Number,
    SimulatedPhone,
)
from tests.factories import make_business, make_member, make_number
from tests.hosting.conversations.test_pages import (
    make_conversation,
    make_messages,
    open_window,
    rows,
)


@pytest.fixture
def business(db: None) -> Business:
    return make_business(name="Bakery")


@pytest.fixture
def number(business: Business) -> Number:
    return make_number(business)


@pytest.fixture
def agent(business: Business) -> User:
    return make_member(business, "agent")


@pytest.fixture
def client(agent: User) -> Client:
    client = Client()
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    return client


def act(client: Client, name: str, conversation: Conversation, *more: Any, **data: str) -> Any:
    return client.post(reverse(name, args=[conversation.public_id, *more]), data)


def listed(client: Client, **query: str) -> list[str]:
    found = client.get(reverse("inbox_rows"), query).context["list"].conversations
    return [talk.contact.name for talk in found]


def test_a_label_is_made_once_and_narrows_the_list(client: Client, number: Number) -> None:
    ada, bob = make_conversation(number), make_conversation(number, wa_id="14155550101", name="Bob")
    for conversation, name in (
        (ada, "Wholesale"),
        (ada, " wholesale "),
        (bob, "WHOLESALE"),
        (bob, "late"),
    ):
        assert act(client, "inbox_label", conversation, label=name).status_code == 302
    assert [label.name for label in rows(Label)] == ["Wholesale", "late"]
    wholesale, late = rows(Label)
    assert sorted(listed(client, label=str(wholesale.pk))) == ["Ada", "Bob"]
    assert listed(client, label=str(late.pk)) == ["Bob"]
    assert sorted(listed(client, label="999999")) == ["Ada", "Bob"]
    act(client, "inbox_unlabel", bob, late.pk)
    assert listed(client, label=str(late.pk)) == []


@pytest.mark.parametrize("name", ["", "   ", "x" * 41])
def test_a_label_without_a_proper_name_is_refused(
    client: Client, number: Number, name: str
) -> None:
    conversation = make_conversation(number)
    refused = client.post(
        reverse("inbox_label", args=[conversation.public_id]),
        {"label": name},
        headers={"HX-Request": "true"},
    )
    assert "A label has 1 to 40 characters." in refused.content.decode()
    assert rows(Label) == rows(ConversationLabel) == []


def test_labels_end_at_their_limits(number: Number, monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = make_conversation(number)
    monkeypatch.setattr(teamwork, "MAX_LABELS", 11)
    with scope(number.business_id):
        for n in range(10):
            teamwork.add_label(conversation=conversation, name=f"l{n}")
        with pytest.raises(teamwork.TooMany, match="A conversation has 10 labels at most"):
            teamwork.add_label(conversation=conversation, name="l10")
        other = make_conversation(number, wa_id="14155550101")
        teamwork.add_label(conversation=other, name="l10")
        with pytest.raises(teamwork.TooMany, match="A business has 11 labels at most"):
            teamwork.add_label(conversation=other, name="l11")
        assert Label.objects.count() == 11


def test_a_label_never_stands_on_a_strangers_conversation(number: Number) -> None:
    theirs = make_conversation(make_number(make_business(name="Other")))
    with system("test"), transaction.atomic():
        label = Label.objects.create(business=number.business, name="mine")
        with (
            pytest.raises(IntegrityError, match="hosting_conversation_conversation_id_"),
            transaction.atomic(),
        ):
            ConversationLabel.objects.create(
                business=number.business, conversation=theirs, label=label
            )
        assert not ConversationLabel.objects.exists()


def test_two_colleagues_type_the_same_new_label_at_once(committed_db: None) -> None:
    number = make_number(make_business())
    conversations = [make_conversation(number, wa_id=f"1415555010{n}") for n in range(4)]
    together = threading.Barrier(4)

    def put(conversation: Conversation) -> None:
        together.wait()
        with scope(number.business_id):
            teamwork.add_label(conversation=conversation, name="vip")
        connection.close()

    threads = [threading.Thread(target=put, args=[conversation]) for conversation in conversations]
    [one.start() for one in threads]
    [one.join() for one in threads]
    assert (len(rows(Label)), len(rows(ConversationLabel))) == (1, 4)


def test_a_note_stands_at_its_time_and_only_colleagues_see_it(
    client: Client, agent: User, number: Number
) -> None:
    conversation = make_conversation(number, last_inbound_at=open_window())
    first, second = make_messages(conversation, "Hello", "Anybody?")
    with system("test"):
        Message.objects.filter(pk=first.pk).update(created_at=timezone.now() - timedelta(hours=2))
        Message.objects.filter(pk=second.pk).update(
            created_at=timezone.now() + timedelta(seconds=30)
        )
    assert act(client, "inbox_note", conversation, text="Pays *late*").status_code == 302
    page = client.get(conversation.get_absolute_url()).content.decode()
    assert (
        page.index(f'id="m{first.pk}"')
        < page.index("Pays <strong>late</strong>")
        < page.index(f'id="m{second.pk}"')
    )
    with scope(number.business_id):
        messages = Message.objects.filter(conversation=conversation)
        shown = thread.latest_page(messages, own=Direction.IN)
        assert [entry.private_notes for entry in shown.entries] == [[], []]
        assert messages.count() == 2
    assert [(note.text, note.author_id) for note in rows(Note)] == [("Pays *late*", agent.pk)]


def test_each_note_is_on_exactly_one_stretch_of_a_long_thread(number: Number, agent: User) -> None:
    conversation = make_conversation(number)
    made = make_messages(conversation, *(str(n) for n in range(100)))
    start = timezone.now() - timedelta(days=3)
    with scope(number.business_id):
        for n, message in enumerate(made):
            Message.objects.filter(pk=message.pk).update(created_at=start + timedelta(minutes=n))
        for n in (-1, 19, 59, 60, 99, 200):
            Note.objects.create(
                business=number.business,
                conversation=conversation,
                author=agent,
                text=str(n),
                created_at=start + timedelta(minutes=n, seconds=30),
            )
        messages = Message.objects.filter(conversation=conversation)
        latest = thread.latest_page(messages, own=Direction.OUT)
        middle = thread.latest_page(messages, own=Direction.OUT, before=latest.older)
        first = thread.latest_page(messages, own=Direction.OUT, before=middle.older)
        seen = [
            notes_of(thread.with_private_notes(page, conversation))
            for page in (first, middle, latest)
        ]
        assert seen == [["-1", "19"], ["59"], ["60", "99", "200"]]
        around = thread.page_around(messages, own=Direction.OUT, at=made[59].pk)
        assert notes_of(thread.with_private_notes(around, conversation)) == ["59", "60"]
        since = thread.page_since(messages, own=Direction.OUT, since=latest.first)
        assert notes_of(thread.with_private_notes(since, conversation)) == ["60", "99", "200"]


def notes_of(page: thread.ThreadPage) -> list[str]:
    return [note.text for note in page.private_notes] + [
        note.text for entry in page.entries for note in entry.private_notes
    ]


def test_an_empty_note_is_refused_and_a_colleagues_is_not_removed(
    client: Client, number: Number
) -> None:
    conversation = make_conversation(number)
    assert act(client, "inbox_note", conversation, text="  ").status_code == 422
    assert rows(Note) == []
    act(client, "inbox_note", conversation, text="Mine")
    [note] = rows(Note)
    other = Client()
    other.force_login(
        make_member(number.business, "owner"), backend="django.contrib.auth.backends.ModelBackend"
    )
    assert act(other, "inbox_note_remove", conversation, note.pk).status_code == 404
    assert len(rows(Note)) == 1
    assert act(client, "inbox_note_remove", conversation, note.pk).status_code == 302
    assert rows(Note) == []


def test_snoozed_conversations_come_back_by_time_or_by_the_customer(
    client: Client, number: Number
) -> None:
    conversation = make_conversation(number)
    act(
        client,
        "inbox_snooze",
        conversation,
        until=(timezone.now() + timedelta(hours=3)).isoformat(),
    )
    assert (listed(client), listed(client, view="snoozed")) == ([], ["Ada"])
    assert client.get(reverse("inbox")).context["counts"] == {
        "open": 0,
        "mine": 0,
        "unassigned": 0,
        "snoozed": 1,
        "resolved": 0,
        "mentioned": 0,
        "locked": 0,
    }
    with system("test"):
        Conversation.objects.update(snoozed_until=timezone.now() - timedelta(seconds=1))
    assert (listed(client), listed(client, view="snoozed")) == (["Ada"], [])
    act(
        client,
        "inbox_snooze",
        conversation,
        until=(timezone.now() + timedelta(hours=3)).isoformat(),
    )
    with scope(number.business_id):
        simulated_phone = SimulatedPhone.objects.create(
            business=number.business, wa_id="14155550100", name="Ada"
        )
    address = reverse("phone_write", args=[simulated_phone.pk, number.phone_number_id])
    assert client.post(address, {"text": "Hello?"}).status_code == 302
    events.apply_due()
    assert listed(client) == ["Ada"]
    assert rows(Conversation)[0].snoozed_until is None


@pytest.mark.parametrize(
    "until", ["yesterday", "2020-01-01T10:00", "2999-01-01T10:00", "9999-12-31T23:59"]
)
def test_a_conversation_is_not_put_off_to_an_impossible_time(
    client: Client, number: Number, until: str
) -> None:
    conversation = make_conversation(number)
    assert act(client, "inbox_snooze", conversation, until=until).status_code == 400
    assert rows(Conversation)[0].snoozed_until is None


def test_what_is_offered_are_mornings_of_the_readers_zone() -> None:
    from zoneinfo import ZoneInfo

    with timezone.override(ZoneInfo("Asia/Tokyo")):
        now = datetime(2026, 11, 20, 22, 30, tzinfo=ZoneInfo("UTC"))
        times = [at.isoformat() for _, at in teamwork.snooze_times(now)]
    assert times == [
        "2026-11-21T10:30:00+09:00",
        "2026-11-22T09:00:00+09:00",
        "2026-11-23T09:00:00+09:00",
    ]


def test_canned_replies_are_found_by_shortcut_then_by_text(client: Client, number: Number) -> None:
    conversation = make_conversation(number)
    for shortcut, text in (
        ("/hours", "We open at 8, {name}."),
        ("help", "Ask away"),
        ("late", "We open late"),
    ):
        posted = client.post(reverse("add_canned_reply"), {"shortcut": shortcut, "text": text})
        assert posted.status_code == 302
    client.post(reverse("add_canned_reply"), {"shortcut": "HELP", "text": "Ask anything"})
    with scope(number.business_id):
        assert teamwork.canned_replies(conversation, "h") == [
            ("help", "Ask anything"),
            ("hours", "We open at 8, Ada."),
        ]
        assert teamwork.canned_replies(conversation, "open") == [
            ("hours", "We open at 8, Ada."),
            ("late", "We open late"),
        ]
        assert teamwork.canned_replies(conversation, "%") == []
    found = client.get(
        reverse("inbox_canned", args=[conversation.public_id]), {"q": "hou"}
    ).content.decode()
    assert 'data-text="We open at 8, Ada."' in found


@pytest.mark.parametrize("shortcut", ["", "two words", "x" * 33, "<b>"])
def test_a_canned_reply_needs_one_word(client: Client, number: Number, shortcut: str) -> None:
    refused = client.post(reverse("add_canned_reply"), {"shortcut": shortcut, "text": "x"})
    assert refused.status_code == 422
    assert rows(CannedReply) == []


def test_jumping_to_a_day_shows_its_first_message(client: Client, number: Number) -> None:
    conversation = make_conversation(number)
    made = make_messages(conversation, *(str(n) for n in range(90)))
    with system("test"):
        for n, message in enumerate(made):
            Message.objects.filter(pk=message.pk).update(
                created_at=datetime(
                    2026, 3, 1 + n // 10, 12, n % 10, tzinfo=timezone.get_current_timezone()
                )
            )
    page = conversation.get_absolute_url()
    for day, at in (("2026-03-03", made[20]), ("2026-01-01", made[0]), ("2027-01-01", made[89])):
        assert client.get(page, {"on": day}).headers["Location"] == f"{page}?at={at.pk}#m{at.pk}"
    assert client.get(page, {"on": "soon"}).status_code == 400


def test_merged_customers_keep_the_labels_and_notes_of_both(number: Number, agent: User) -> None:
    ada, bob = make_conversation(number), make_conversation(number, wa_id="14155550101", name="Bob")
    with scope(number.business_id):
        for conversation, labels in ((ada, ("a", "both")), (bob, ("b", "both"))):
            for name in labels:
                teamwork.add_label(conversation=conversation, name=name)
            teamwork.write_note(
                conversation=conversation, author=agent, text=f"of {conversation.contact.name}"
            )
        number_changes.merge_rows(
            Contact.objects.get(name="Bob"), into=Contact.objects.get(name="Ada")
        )
        [kept] = Conversation.objects.all()
        assert sorted(label.name for label in kept.labels.all()) == ["a", "b", "both"]
        assert sorted(note.text for note in kept.notes.all()) == ["of Ada", "of Bob"]


def test_snoozing_is_refused_by_name(number: Number, agent: User) -> None:
    conversation = make_conversation(number)
    past = timezone.now() - timedelta(minutes=1)
    with scope(number.business_id), pytest.raises(BadInput) as refused:
        changes.snooze(conversation=conversation, author=agent, until=past)
    assert refused.value.field == "until"
