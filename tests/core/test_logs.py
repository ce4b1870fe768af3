"""What is logged names nobody: no keys, tokens, numbers, addresses, names or texts."""

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from django.db import IntegrityError, connection, transaction
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver, resolve

from core import logs
from core.tenancy import scope
from hosting.models import Contact
from tests.canaries import ADDRESS, KEY, NAME, NUMBER, TEXT, TOKEN, found_in
from tests.factories import make_business

log = structlog.get_logger("core.tests")


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """All that the process logs, from INFO on, as the servers write it."""
    (console,) = logging.getLogger().handlers[:1]
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(console))
    root = logging.getLogger()
    level, root.level = root.level, logging.INFO
    root.addHandler(handler)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


def _formatter(console: logging.Handler) -> logging.Formatter:
    from logging.config import DictConfigurator

    from django.conf import settings

    given: Any = settings.LOGGING
    made: Any = DictConfigurator(given)
    formatter: logging.Formatter = made.configure_formatter(dict(given["formatters"]["json"]))
    return formatter


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


SECRET_PATHS = [
    f"/join/{TOKEN}/",
    f"/pay/{TOKEN}/",
    f"/pay/{TOKEN}/pdf/",
    f"/s/pay/{TOKEN}/",
    f"/media/{TOKEN}",
    f"/history/file/{TOKEN}",
    f"/account/confirm-email/{TOKEN}/",
    f"/account/password/reset/key/1a-{TOKEN}/",
    f"/no/such/{TOKEN}/",
    f"/{TOKEN}",
    f"/v23.0/123456789012345?access_token={KEY}",
    f"/v23.0/123456789012345/messages?access_token={KEY}",
    f"/webhooks/?hub.mode=subscribe&hub.verify_token={TOKEN}&hub.challenge=1",
    f"/messages/?q={NAME}+{NUMBER}",
    f"/api/v1/contacts/?phone={NUMBER}",
    f"/static/x?token={TOKEN}",
]


@pytest.mark.parametrize("path", SECRET_PATHS, ids=range(len(SECRET_PATHS)))
def test_a_request_is_logged_without_what_is_secret_in_it(
    db: None, written: io.StringIO, path: str
) -> None:
    Client().get(path, headers={"authorization": f"Bearer {KEY}"})
    assert found_in(written.getvalue()) == []
    if not path.startswith(("/webhooks/", "/v23.0/123456789012345/messages", "/static/")):
        assert lines(written)[-1]["request"].startswith("GET /")


def test_what_may_be_seen_is_seen(db: None, written: io.StringIO) -> None:
    Client().get("/invoices/2026-0001/?lines=2&q=x")
    Client().get("/media/abc")
    shown = [line["request"] for line in lines(written) if line["event"] == "request_finished"]
    assert shown == ["GET /invoices/2026-0001/?lines,q", "GET /media/[…]"]


def test_every_part_of_every_path_is_an_id_or_masked() -> None:
    """A new route with a token is masked, whatever the token's name."""
    masked = {name for _, name in _parts(get_resolver())} - logs.SHOWN_PARTS
    assert masked >= {"token", "key", "code", "uidb36", "rest", "upload_id", "name"}
    secret = re.compile("token|secret|code|password|^key$")
    assert [name for name in logs.SHOWN_PARTS if secret.search(name)] == []


def _parts(resolver: URLResolver) -> Iterator[tuple[str, str]]:
    for one in resolver.url_patterns:
        yield from ((str(one.pattern), name) for name in one.pattern.regex.groupindex)
        if isinstance(one, URLResolver):
            yield from _parts(one)
        else:
            assert isinstance(one, URLPattern)


def test_an_exception_is_logged_with_its_places_and_without_what_it_quotes(
    db: None, written: io.StringIO
) -> None:
    business = make_business()

    def insert() -> None:
        with scope(business.pk), transaction.atomic():
            Contact.objects.create(business=business, wa_id=NUMBER, name=NAME)

    insert()
    try:
        insert()
    except IntegrityError as error:
        log.exception("database", error=repr(error))
        logging.getLogger("celery.app.trace").error("Task %s raised: %r", "x", error, exc_info=True)
    try:
        int(f"{NAME} {TEXT}")
    except ValueError:
        log.exception("value")
    try:
        raise KeyError("wamid") from RuntimeError(f"key={KEY}, to +{NUMBER}, {ADDRESS}")
    except KeyError as error:
        log.warning("chain", exc_info=error)
    assert found_in(written.getvalue()) == []
    shown = [line["exception"] for line in lines(written)]
    assert "duplicate key value violates unique constraint" in shown[0]
    assert "in insert\n" in shown[0]
    assert "ValueError: invalid literal for int() with base 10: '[…]'" in shown[2]
    assert shown[3].endswith("KeyError: 'wamid'")
    assert "RuntimeError: key=[…]" in shown[3]


def test_statements_are_not_logged_even_where_everything_else_is(
    db: None, written: io.StringIO, settings: Any
) -> None:
    logging.getLogger().setLevel(logging.DEBUG)
    with connection.execute_wrapper(lambda run, *given: run(*given)), connection.cursor() as cursor:
        connection.force_debug_cursor = True
        cursor.execute("SELECT %s", [NAME])
        connection.force_debug_cursor = False
    assert found_in(written.getvalue()) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"sent with {KEY}", "sent with […]"),
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer […]"),
        ("sk_live_abcdefgh12345678 refused", "[…] refused"),
        ("https://x.example/a?token=1&b=2 failed", "https://x.example/a?[…] failed"),
        ("postgresql://parley:secret@db:5432/parley", "postgresql://[…]@db:5432/parley"),
        ("to +44 (0)7700 900109 failed", "to […] failed"),
        ("to 447700900109.", "to […]."),
        ("number 109876543210987 at 2026-12-01T09:00:00", None),
        ("rows 1234567 of queue outgoing, key 12", None),
    ],
    ids=range(9),
)
def test_texts(text: str, shown: str | None) -> None:
    assert logs.scrub(text) == (shown or text)


def test_an_unresolved_path_shows_its_first_word_only() -> None:
    request = RequestFactory().get("/pay/secret/more")
    assert logs.shown_path(request) == "/pay/[…]"
    request.resolver_match = resolve("/pay/secret/")
    request.path_info = "/pay/secret/"
    assert logs.shown_path(request) == "/pay/[…]/"
