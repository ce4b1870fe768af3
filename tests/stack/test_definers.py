"""Functions that run with their owner's rights pin the search path and are open to nobody else."""

from typing import Any

import pytest
from django.db import connection

from core.tenancy import system

pytestmark = pytest.mark.django_db
ALL = """
    SELECT p.oid::regprocedure::text, coalesce(p.proconfig, '{}'), p.proowner::regrole::text,
           EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
                    WHERE a.grantee = 0 AND a.privilege_type = 'EXECUTE')
      FROM pg_proc p
     WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef
       AND NOT EXISTS (SELECT FROM pg_depend d
                        WHERE d.objid = p.oid AND d.deptype = 'e')
     ORDER BY 1
"""
TRIGGERS = "SELECT oid::regprocedure::text FROM pg_proc WHERE prorettype = 'trigger'::regtype"


def rows(statement: str) -> list[tuple[Any, ...]]:
    with system("test"), connection.cursor() as cursor:
        cursor.execute(statement)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def test_every_security_definer_pins_its_search_path() -> None:
    found = rows(ALL)
    assert len(found) >= 20
    assert [
        (name, config)
        for name, config, _, _ in found
        if "search_path=public, pg_temp" not in config
    ] == []


def test_every_security_definer_is_granted_by_name() -> None:
    """EXECUTE is everybody's by default; triggers cannot be called."""
    triggers = {name for (name,) in rows(TRIGGERS)}
    open_to_all = [name for name, _, _, anybody in rows(ALL) if anybody and name not in triggers]
    # What policies ask, of whatever role: whether the transaction's own mark is signed.
    assert open_to_all == ["core_business()", "core_may(text)"]


def test_they_belong_to_who_owns_the_tables() -> None:
    owners = {owner for _, _, owner, _ in rows(ALL)}
    assert owners == {
        name
        for (name,) in rows(
            "SELECT relowner::regrole::text FROM pg_class "
            "WHERE oid = 'accounts_auditentry'::regclass"
        )
    }
