"""The demo, whose logins are printed, is made on this machine only."""

import pytest

from config import environment
from config.variables import ConfigurationError


@pytest.mark.parametrize(
    ("base_url", "asked", "demo"),
    [
        ("http://127.0.0.1:8000", None, True),
        ("http://localhost:8000", "1", True),
        ("http://[::1]:8000", None, True),
        ("http://127.0.0.1:8000", "0", False),
        ("https://chat.example.com", None, False),
        ("https://chat.example.com", "0", False),
    ],
)
def test_the_demo_is_on_by_default_on_loopback_only(
    monkeypatch: pytest.MonkeyPatch, base_url: str, asked: str | None, demo: bool
) -> None:
    monkeypatch.setenv("BASE_URL", base_url)
    monkeypatch.delenv("PARLEY_DEMO", raising=False)
    if asked is not None:
        monkeypatch.setenv("PARLEY_DEMO", asked)
    assert environment.load().demo is demo


@pytest.mark.parametrize(
    "base_url", ["https://chat.example.com", "http://127.evil.example", "http://192.0.2.7:8000"]
)
def test_the_demo_is_refused_elsewhere(monkeypatch: pytest.MonkeyPatch, base_url: str) -> None:
    monkeypatch.setenv("BASE_URL", base_url)
    monkeypatch.setenv("PARLEY_DEMO", "1")
    with pytest.raises(ConfigurationError, match="PARLEY_DEMO=1 is for this machine only"):
        environment.load()
