"""Requests to others inside of web requests: few at once for a business, none takes all threads."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse

from core import outbound
from core.http import FetchFailed, fetch
from core.tenancy import system
from hosting.models import Webhook
from tests.factories import make_business, make_member, make_number
from tests.hosting.receivers import Receiver

MINE, YOURS, THEIRS = 101, 202, 303


@pytest.fixture
def crowd() -> Iterator[Callable[[int], str]]:
    """Take a slot for a business in a web request of its own, and keep it until the test's end."""
    done = threading.Event()
    with ThreadPoolExecutor(16) as pool:
        taken: list[Future[None]] = []

        def take(business_id: int) -> str:
            answer: Future[str] = Future()
            taken.append(pool.submit(_hold, business_id, answer, done))
            return answer.result(timeout=30)

        yield take
        done.set()
        wait(taken)


def _hold(business_id: int, answer: "Future[str]", done: threading.Event) -> None:
    try:
        with outbound.web_request(), outbound.slot(business_id):
            answer.set_result("slot")
            done.wait(60)
    except outbound.TooManyOutbound as error:
        answer.set_result(str(error.status))
    finally:
        connections.close_all()


def test_a_business_has_four_slots_over_all_processes_and_no_other_is_in_their_way(
    committed_db: None, settings: Any, crowd: Callable[[int], str]
) -> None:
    settings.WEB_THREADS = 100  # many processes, as far as the database sees
    assert [crowd(MINE) for _ in range(6)] == ["slot"] * 4 + ["429"] * 2
    assert [crowd(YOURS) for _ in range(5)] == ["slot"] * 4 + ["429"]


def test_in_a_process_a_business_takes_half_and_one_thread_is_always_left(
    committed_db: None, settings: Any, crowd: Callable[[int], str]
) -> None:
    settings.WEB_THREADS = 4
    assert [crowd(MINE) for _ in range(3)] == ["slot", "slot", "429"]
    assert [crowd(YOURS), crowd(THEIRS)] == ["slot", "429"]


def test_a_slot_is_free_again_after_success_and_after_failure(db: None, settings: Any) -> None:
    settings.WEB_THREADS = 4
    for _ in range(9):
        with outbound.web_request(), outbound.slot(MINE):
            pass
        with pytest.raises(ZeroDivisionError), outbound.web_request(), outbound.slot(MINE):
            _ = 1 / 0
    assert outbound._under_way.total() == 0


def test_a_request_to_others_without_a_slot_is_a_fault_of_the_caller(
    db: None, settings: Any
) -> None:
    settings.ALLOW_PRIVATE_URLS = True
    with outbound.web_request(), pytest.raises(RuntimeError, match="only with a slot"):
        fetch("http://127.0.0.1:1/")


def test_all_requests_of_one_web_request_share_its_seconds(
    db: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ALLOW_PRIVATE_URLS = True
    monkeypatch.setattr(outbound, "SECONDS", 0.3)
    said = []
    with blocked() as (receiver, _), outbound.web_request():
        for _ in range(2):
            with outbound.slot(MINE), pytest.raises(FetchFailed) as refused:
                fetch(receiver.url)
            said.append(str(refused.value))
    assert said == ["no answer within 0.3 s", "the time for it was used up"]


def test_workers_are_not_limited(db: None) -> None:
    with outbound.slot(MINE):
        assert outbound.limited(15.0) == 15.0


@contextmanager
def blocked() -> Iterator[tuple[Receiver, threading.Event]]:
    """A receiver that answers nothing until the event is set."""
    release = threading.Event()
    receiver = Receiver(show=lambda _: (200, str(release.wait(60)).encode()))
    with receiver:
        try:
            yield receiver, release
        finally:
            release.set()


def test_eight_webhooks_at_a_slow_address_leave_threads_for_another_business(
    committed_db: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ALLOW_PRIVATE_URLS, settings.WEB_THREADS = True, 4
    monkeypatch.setattr(outbound, "SECONDS", 60.0)
    number, other = make_number(make_business()), make_number(make_business())
    mine, theirs = (_client_of(one.business) for one in (number, other))
    form = {"verify_token": "t", "source": number.account.waba_id, "fields_": ["messages"]}

    def add(place: int) -> int:
        try:
            given = form | {"url": f"{receiver.url}/{place}"}
            return int(mine.post(reverse("add_webhook"), given).status_code)
        finally:
            connections.close_all()

    with blocked() as (receiver, release), ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(add, place) for place in range(8)]
        refused = _first_done(asked, 6)
        assert [one.result() for one in refused] == [422] * 6
        # Two of four threads wait for the slow host; the others serve everybody.
        assert len(receiver.shown) == 2
        assert theirs.get(reverse("webhooks")).status_code == 200
        release.set()
        wait(asked)
    # It answered something else than the challenge.
    assert [one.result() for one in asked] == [422] * 8
    with system("test"):
        assert not Webhook.objects.exists()


def _client_of(business: Any) -> Client:
    client = Client()
    backend = "django.contrib.auth.backends.ModelBackend"
    client.force_login(make_member(business, "owner"), backend=backend)
    return client


def _first_done(asked: list["Future[int]"], count: int) -> list["Future[int]"]:
    done: set[Future[int]] = set()
    waiting = set(asked)
    while len(done) < count:
        ended, waiting = wait(waiting, timeout=30, return_when="FIRST_COMPLETED")
        assert ended, "no request was refused"
        done |= ended
    return list(done)
