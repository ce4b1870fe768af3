"""Webhooks of one business that fail whenever they are worked on leave another's alone."""

from collections.abc import Iterator

import pytest
from django.utils import timezone

from core.tenancy import system
from hosting.inbound import events
from hosting.models import Event, Message
from tests.core import workers
from tests.factories import make_business, make_number
from tests.hosting.inbound.test_events import message
from tests.hosting.messages.test_incoming_endpoint import webhook


@pytest.fixture
def faulty(committed_db: None) -> Iterator[None]:
    """A database in which messages that begin with poison cannot be written."""
    workers.plant_faults("hosting_message", "INSERT", raising="NEW.text LIKE 'poison%'", killing="")
    yield
    workers.mend_faults()


def test_rows_at_fault_of_one_leave_the_other_at_its_first_attempt(faulty: None) -> None:
    """In one set: V's event is applied in the first pass."""
    number, other = make_number(make_business("M")), make_number(make_business("V"))
    with system("test"):
        for one, words in ((number, ["poison"] * 20), (other, ["hello"])):
            for n, text in enumerate(words):
                sent = message("text", f"wamid.{n}", at=timezone.now(), text={"body": text})
                events.store_event(body=webhook(one, messages=[sent]), account_id=one.account_id)
    events.apply_due()
    with system("test"):
        assert Message.objects.filter(number=other).exists()
        done = Event.objects.get(account=other.account_id)
        assert (done.attempts, done.last_error, done.applied_at is not None) == (1, "", True)
        assert not Message.objects.filter(number=number).exists()
