"""Fixtures for all tests: a database per xdist worker made by our own migrations, and the roles as in life."""

import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import redis as redis_client
from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.db import connections


def _superuser_url(database: str) -> str:
    url = os.environ["DATABASE_SUPERUSER_URL"]
    return url.rsplit("/", 1)[0] + f"/{database}"


@pytest.fixture(scope="session")
def django_db_setup(request: pytest.FixtureRequest, django_db_blocker: Any) -> Iterator[None]:
    """One migrated database per worker; the application connects to it as its plain role."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    name, pristine = f"test_{worker}", f"pristine_{worker}"
    with psycopg.connect(_superuser_url("postgres"), autocommit=True) as admin:
        for database in (name, pristine):
            admin.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {pristine} OWNER parley_owner")
    with django_db_blocker.unblock():
        _point_at(pristine)
        call_command("migrate", verbosity=0)
        connections.close_all()
        _clone(pristine, name)
        _point_at(name)
        yield
        connections.close_all()


def _point_at(database: str) -> None:
    connections.close_all()
    for alias in ("default", "owner"):
        connections[alias].settings_dict["NAME"] = database
        settings.DATABASES[alias]["NAME"] = database
    for variable in ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_SUPERUSER_URL"):
        os.environ[variable] = os.environ[variable].rsplit("/", 1)[0] + f"/{database}"


def _clone(source: str, target: str) -> None:
    with psycopg.connect(_superuser_url("postgres"), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {target} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {target} TEMPLATE {source} STRATEGY FILE_COPY OWNER parley_owner")


@pytest.fixture
def committed_db(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The database without a surrounding transaction: for threads, processes and commits. Made anew afterwards."""
    with django_db_blocker.unblock():
        yield
        connections.close_all()
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        _clone(f"pristine_{worker}", f"test_{worker}")


@pytest.fixture
def redis() -> Iterator["redis_client.Redis"]:
    """The real Valkey, emptied before and after."""
    client = redis_client.Redis.from_url(settings.REDIS_URL)
    client.flushall()
    yield client
    client.flushall()


@pytest.fixture(autouse=True)
def _fresh_memory() -> Iterator[None]:
    """Nothing remembered in the process leaks from test to test."""
    from hosting import bells
    from hosting.api import webhooks

    bells._next_ring.clear()
    webhooks._doors.clear()
    yield
    if os.environ.get("REDIS_URL"):
        cache.clear()
