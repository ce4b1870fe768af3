"""The hot endpoints pass by the pages' middleware, and still say who they are, notice a
lost database
and answer in full.
"""

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from core.tenancy import system
from hosting.cloudapi.webhooks import sign
from hosting.models import Event

BODY = b'{"object": "whatsapp_business_account", "entry": []}'


def knock(**headers: str) -> object:
    return Client().post(
        "/webhooks/",
        BODY,
        content_type="application/json",
        headers={"X-Hub-Signature-256": sign(BODY, settings.APP_SECRET), **headers},
    )


def test_an_endpoint_answers_with_length_and_request_id_and_sets_no_cookie(db: None) -> None:
    answer = knock(**{"X-Request-ID": "abc-1"})
    assert answer.status_code == 200  # type: ignore[attr-defined]
    assert dict(answer.headers) == {  # type: ignore[attr-defined]
        "Content-Type": "text/plain",
        "Content-Length": "14",
        "X-Request-ID": "abc-1",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }


def test_a_request_without_id_gets_one(db: None) -> None:
    assert len(knock()["X-Request-ID"]) == 32  # type: ignore[index]


@pytest.mark.usefixtures("committed_db")
def test_a_connection_that_the_server_closed_is_replaced_before_it_is_used() -> None:
    connection.ensure_connection()
    lost = connection.connection.info.backend_pid
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [lost])
        assert cursor.fetchone() == (True,)
    other.close()
    answer = knock()
    assert answer.status_code == 200  # type: ignore[attr-defined]
    assert connection.connection.info.backend_pid != lost
    with system("test"):
        assert Event.objects.count() == 1
