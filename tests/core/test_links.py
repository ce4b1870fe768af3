"""Addresses of our own pages begin with BASE_URL, whatever a request calls us."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from core import links


def test_a_path_becomes_an_address_under_the_base_url(settings: Any) -> None:
    settings.BASE_URL = "https://chat.example"
    assert links.absolute("/join/x/?a=1#b") == "https://chat.example/join/x/?a=1#b"
    assert links.host() == "chat.example"


@pytest.mark.parametrize("path", ["", "join/", "//evil.example/", "https://evil.example/"])
def test_only_paths_become_addresses(path: str) -> None:
    with pytest.raises(ValueError, match="one slash"):
        links.absolute(path)


@pytest.mark.parametrize(
    "url",
    ["http://evil.example/a/?b=1#c", "https://evil.example:99//a/?b=1#c", "/a/?b=1#c"],
)
def test_an_address_is_moved_under_the_base_url(settings: Any, url: str) -> None:
    settings.BASE_URL = "https://chat.example"
    assert links.rebased(url) == "https://chat.example/a/?b=1#c"


def test_no_code_makes_addresses_of_a_requests_host() -> None:
    root = Path(django_settings.BASE_DIR)
    apps = ("core", "accounts", "hosting", "billing", "shops", "config")
    named = re.compile(
        r"build_absolute_uri\(|get_current_site\(|\{settings\.BASE_URL\}|settings\.BASE_URL \+"
    )
    found = {
        str(file.relative_to(root))
        for app in apps
        for file in (root / app).rglob("*.py")
        if named.search(file.read_text(encoding="utf-8"))
    }
    assert found == {"core/links.py"}
