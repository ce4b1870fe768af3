"""Injected SQL in a page of one business sees that business only, whatever it tries.

The views are planted here, with the kind of mistake that they stand for. They run as the web's
login, on connections of their own, so that a statement may end its transaction too.
"""

import os
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from accounts.access import BusinessRequest, member_page
from accounts.models import Business
from config.urls import urlpatterns as real_patterns
from core.tenancy import mark_of, system
from hosting.inbound.events import store_event
from tests.factories import make_business, make_key, make_member, make_messages, make_number

OWN, FOREIGN = "own words", "words of somebody else"


def _run(request: HttpRequest) -> HttpResponse:
    """Everything that the statement, and those hidden in it, return."""
    found: list[Any] = []
    with connection.cursor() as cursor:
        try:
            cursor.execute(f"SELECT text FROM hosting_message WHERE text = '{request.GET['q']}'")
            while True:
                found += cursor.fetchall() if cursor.description else []
                if not cursor.nextset():
                    break
        except Exception as error:
            found.append(repr(error))
    return HttpResponse(repr(found))


@member_page()
def scoped(request: BusinessRequest) -> HttpResponse:
    """A page of a member."""
    return _run(request)


def unscoped(request: HttpRequest) -> HttpResponse:
    """A page without a scope."""
    return _run(request)


urlpatterns = [path("scoped/", scoped), path("unscoped/", unscoped), *real_patterns]

MESSAGES = "SELECT string_agg(text, chr(10)) FROM hosting_message"
TABLES = (
    "accounts_user",
    "account_emailaddress",
    "mfa_authenticator",
    "django_session",
    "usersessions_usersession",
    "accounts_apikey",
    "accounts_membership",
    "accounts_business",
    "hosting_event",
    "hosting_parkedstatus",
    "core_email",
    "core_scopekey",
)


@pytest.fixture
def two(committed_db: None, settings: Any) -> tuple[Business, Business]:
    settings.ROOT_URLCONF = __name__
    mine, other = make_business("Mine"), make_business("Somebody else")
    for business, text in ((mine, OWN), (other, FOREIGN)):
        number = make_number(business)
        make_key(business)
        (message,) = make_messages(business, number, 1)
        with system("test"), connection.cursor() as cursor:
            cursor.execute("UPDATE hosting_message SET text = %s WHERE id = %s", [text, message])
        store_event(body=f"event of {text}".encode(), account_id=number.account_id)
        make_member(business, "agent")
    return mine, other


@pytest.fixture
def attacker(two: tuple[Business, Business]) -> Client:
    # Some attempts leave the connection unusable.
    client = Client(raise_request_exception=False)
    client.force_login(make_member(two[0]), backend="django.contrib.auth.backends.ModelBackend")
    return client


def _attempts(mine: Business, other: Business) -> list[str]:
    own_signature = mark_of(mine.pk).partition(":")[2]
    forged = (f"{other.pk}", f"{other.pk}:", f"{other.pk}:{own_signature}", f"all:{own_signature}",
              f"login:{own_signature}")  # fmt: skip
    return [
        "' OR true --",
        f"' UNION {MESSAGES} --",
        f"'; {MESSAGES}; --",
        f"'; ROLLBACK; {MESSAGES}; --",
        f"'; COMMIT; {MESSAGES}; --",
        *(
            f"'; SET ROLE {role}; {MESSAGES}; --"
            for role in ("parley_system", "parley_across", "parley_worker", "parley_owner", "NONE")
        ),
        *(
            f"'; RESET {what}; {MESSAGES}; --"
            for what in ("ROLE", "SESSION AUTHORIZATION", "parley.business", "ALL")
        ),
        *(
            f"'; SELECT set_config('role', '{role}', true),"
            f" set_config('parley.business', '{mark}', true); {MESSAGES}; --"
            for role in ("parley_app", "parley_across")
            for mark in forged
        ),
        f"'; SET row_security = off; {MESSAGES}; --",
        f"'; COPY hosting_message (text) TO STDOUT; {MESSAGES}; --",
        f"'; ALTER TABLE hosting_message DISABLE ROW LEVEL SECURITY; {MESSAGES}; --",
        f"'; GRANT parley_system TO parley_app; SET ROLE parley_system; {MESSAGES}; --",
        f"'; SELECT core_open({other.pk}); {MESSAGES}; --",
        f"'; SELECT core_signature('all'); {MESSAGES}; --",
    ]


@pytest.mark.parametrize("page", ["/scoped/", "/unscoped/"])
def test_injected_sql_reads_no_message_of_another_business(
    attacker: Client, two: tuple[Business, Business], page: str
) -> None:
    shown = 0
    assert OWN in attacker.get("/scoped/", {"q": OWN}).content.decode()
    for attempt in _attempts(*two):
        answer = attacker.get(page, {"q": attempt}).content.decode()
        connection.close()
        assert FOREIGN not in answer, attempt
        shown += OWN in answer
    # The attempts do run: on a member's page, those that stay in its scope see its own messages.
    assert (shown >= 4) == (page == "/scoped/")


@pytest.mark.parametrize("page", ["/scoped/", "/unscoped/"])
@pytest.mark.parametrize("prefix", ["", "ROLLBACK; ", "ROLLBACK; SET ROLE parley_across; "])
def test_injected_sql_reads_no_login_and_no_event(
    attacker: Client, two: tuple[Business, Business], page: str, prefix: str
) -> None:
    with system("test"), connection.cursor() as cursor:
        cursor.execute(
            "SELECT array_agg(u.email) FROM accounts_user u"
            " JOIN accounts_membership m ON m.user_id = u.id WHERE m.business_id = %s",
            [two[1].pk],
        )
        foreign = cursor.fetchone()[0]
    assert len(foreign) == 1
    own_rows = {"accounts_user", "accounts_apikey", "accounts_membership", "accounts_business"}
    for table in TABLES:
        asked = f"'; {prefix}SELECT jsonb_agg(t)::text FROM {table} t; --"
        answer = attacker.get(page, {"q": asked}).content.decode()
        connection.close()
        assert foreign[0] not in answer, table
        assert "Somebody else" not in answer, table
        is_own = page == "/scoped/" and not prefix and table in own_rows
        assert ("[(None,)]" in answer or "permission denied" in answer) != is_own, (table, answer)


def test_injected_sql_writes_nothing_that_is_not_its_business_s(
    attacker: Client, two: tuple[Business, Business]
) -> None:
    other = two[1]
    for statement in (
        f"UPDATE hosting_message SET text = 'taken' WHERE business_id = {other.pk}",
        "DELETE FROM hosting_event",
        "UPDATE accounts_user SET is_superuser = true",
        "UPDATE accounts_plan SET monthly_fee_micros = 0",
        "UPDATE billing_rate SET price_micros = 0",
        "DELETE FROM django_session",
        "UPDATE accounts_auditentry SET actor_name = 'nobody'",
        f"INSERT INTO accounts_membership (business_id, user_id, role, created_at)"
        f" SELECT {other.pk}, id, 'owner', now() FROM accounts_user",
    ):
        attacker.get("/scoped/", {"q": f"'; {statement}; COMMIT; --"})
        connection.close()
    with psycopg.connect(os.environ["DATABASE_SUPERUSER_URL"]) as database:
        for asked, expected in (
            ("SELECT count(*) FROM hosting_message WHERE text = 'taken'", 0),
            ("SELECT count(*) FROM hosting_event", 2),
            ("SELECT count(*) FROM accounts_user WHERE is_superuser", 0),
            ("SELECT max(monthly_fee_micros) > 0 FROM accounts_plan", True),
            ("SELECT count(*) > 0 FROM django_session", True),
            ("SELECT count(*) FROM accounts_auditentry WHERE actor_name = 'nobody'", 0),
            (f"SELECT count(*) FROM accounts_membership WHERE business_id = {other.pk}", 1),
        ):
            assert database.execute(asked).fetchone() == (expected,), asked


def test_injected_sql_does_not_read_what_others_run(attacker: Client) -> None:
    with psycopg.connect(os.environ["DATABASE_SUPERUSER_URL"], autocommit=True) as server:
        # As `make run` sets it.
        server.execute("ALTER ROLE parley_app SET track_activities = off")
    connection.close()
    other = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
    other.execute(f"SELECT '{FOREIGN}'")
    for asked in ("RESET ROLE; ", ""):
        statement = f"'; {asked}SELECT string_agg(query, chr(10)) FROM pg_stat_activity; --"
        answer = attacker.get("/scoped/", {"q": statement}).content.decode()
        connection.close()
        assert FOREIGN not in answer
    other.close()
    with psycopg.connect(os.environ["DATABASE_SUPERUSER_URL"], autocommit=True) as server:
        server.execute("ALTER ROLE parley_app SET track_activities = on")
