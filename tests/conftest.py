"""Fixtures for all tests: a migrated database per xdist worker, with the production roles."""

import functools
import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis as redis_client
from django.conf import settings
from django.core.cache import cache
from django.db import connections
from django.test import Client

from core.tenancy import logins
from tests import canaries, databases, network


def pytest_configure(config: pytest.Config) -> None:
    """Block the network, keep test clients from reading every static file, hash quickly."""
    network.block()
    # Collecting makes a million objects that stay: nothing to look for among them, now or later.
    gc.disable()
    settings.WHITENOISE_AUTOREFRESH = True
    settings.PASSWORD_HASHERS = [
        "tests.hashers.QuickArgon2PasswordHasher",
        *settings.PASSWORD_HASHERS[1:],
    ]
    _log_in_as_pages_do()


def _log_in_as_pages_do() -> None:
    """`force_login` and `logout` write users and sessions: in a transaction that may."""
    for name in ("force_login", "logout"):
        plain = getattr(Client, name)

        @functools.wraps(plain)
        def among_logins(*args: Any, _plain: Any = plain, **kwargs: Any) -> None:
            with logins("test"):
                _plain(*args, **kwargs)

        setattr(Client, name, among_logins)


def pytest_collection_finish() -> None:
    """From here on garbage is looked for among what tests make, and in larger lots."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    gc.enable()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """After the last test, no server that tests have run has logged what logs must not hold."""
    if os.environ.get("PYTEST_XDIST_WORKER") or not (folder := os.environ.get("PARLEY_VAR")):
        return
    if found := canaries.found_in_logs(Path(folder)):
        print("\nlogs hold secrets or personal data:", *found, sep="\n  ")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order slow tests first (browser, stack): at the end one worker would run them alone."""
    items.sort(key=lambda item: not item.nodeid.startswith(("tests/browser/", "tests/stack/")))


@pytest.fixture(scope="session")
def database_snapshot(django_db_blocker: Any) -> Iterator[databases.Snapshot]:
    """One migrated database per worker; the application connects to it as its plain role."""
    name = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.environ['PARLEY_TEST_RUN']}"
    with django_db_blocker.unblock():
        pristine = databases.make_pristine()
        databases.clone(pristine, name)
        databases.point_at(name)
        yield databases.Snapshot.taken(pristine, name)
        connections.close_all()
        databases.drop(name)


@pytest.fixture(scope="session")
def django_db_setup(database_snapshot: databases.Snapshot) -> None:
    """What pytest-django's fixtures wait for."""


@pytest.fixture
def committed_db(database_snapshot: databases.Snapshot, django_db_blocker: Any) -> Iterator[None]:
    """The database without a transaction, for threads, processes and commits; reset afterwards."""
    with django_db_blocker.unblock():
        try:
            yield
        finally:
            database_snapshot.put_back()


@pytest.fixture
def redis() -> Iterator["redis_client.Redis[bytes]"]:
    """The real Valkey, this worker's database of it, emptied before and after."""
    client = redis_client.Redis.from_url(settings.REDIS_URL)
    client.flushdb()
    yield client
    client.flushdb()


@pytest.fixture(autouse=True)
def _fresh_memory() -> Iterator[None]:
    """Nothing remembered in the process leaks from test to test."""
    from core import wake
    from hosting.api import webhooks

    wake.forget()
    webhooks._receivers.clear()
    yield
    if os.environ.get("REDIS_URL"):
        cache.clear()
