"""Nobody is led to a page that refuses them: every link that each role sees leads on."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.urls import Resolver404, resolve

from tests.address_rows import OWN, ROWS, ForEveryone, ForKeys, ForLogins
from tests.test_matrix import _read, stage, staged

__all__ = ["stage", "staged"]
pytestmark = pytest.mark.django_db
LINK = re.compile(r'<a\b[^>]*?\bhref="([^"#?]+)')


def _links(client: Any, path: str) -> Iterator[tuple[str, str]]:
    """(name, path) of the pages of our own to which a page leads."""
    for address in LINK.findall(_read(client, path)):
        there = urlsplit(urljoin(path, address))
        if there.netloc or there.path.startswith(("/account/", "/admin/", "/static/")):
            continue
        try:
            yield resolve(there.path).url_name or "", there.path
        except Resolver404:
            yield f"no page: {there.path}", there.path


def _refused(role: str, name: str) -> bool:
    row = ROWS.get(name)
    if row is None or isinstance(row, ForKeys):
        return True
    return not isinstance(row, ForEveryone | ForLogins) and role not in row.who


# Owners may open everything.
@pytest.mark.parametrize("role", [one for one in OWN if one != "owner"])
def test_every_link_of_a_role_leads_to_a_page_of_that_role(
    stage: dict[str, Any], role: str
) -> None:
    client, names = stage["clients"][role], stage["names"]
    mine = {
        name: row.path.format(**names)
        for name, row in ROWS.items()
        if row.get == 200 and not isinstance(row, ForEveryone | ForKeys) and role in row.who
    }
    wrong = {
        f"{name} -> {target}"
        for name, path in mine.items()
        for target, _ in _links(client, path)
        if _refused(role, target)
    }
    assert wrong == set(), "\n".join(sorted(wrong))
