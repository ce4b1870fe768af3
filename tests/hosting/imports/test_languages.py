"""Exported chats in 40 locales, made from CLDR's patterns, with words that no list holds."""

from pathlib import Path

import pytest

from hosting.imports.formats import day_periods
from hosting.imports.formats.bodies import read_body
from tests.hosting.imports import cldr
from tests.hosting.imports.made_exports import Writer, made_exports
from tests.hosting.imports.test_formats import read, surveyed


@pytest.mark.parametrize(("locale", "layout"), list(made_exports()))
def test_a_chat_of_any_language_is_read_exactly(locale: str, layout: str) -> None:
    export = Writer(locale, layout).write()
    raw = export.text.encode()
    _, survey = surveyed(raw)
    orders, found = read(raw)
    assert len(orders) == 1
    said = []
    for entry in found:
        body = read_body(entry.body, is_marked=entry.is_marked, learned=survey.learned)
        said.append((entry.at, entry.sender, "system" if entry.is_system else body.kind, body.text))
    for mine, right in zip(said, export.said, strict=False):
        assert mine == right
    assert len(said) == len(export.said)


def test_the_words_of_the_day_are_those_of_cldr() -> None:
    path = Path(day_periods.__file__).with_suffix(".tsv")
    assert path.read_text("utf-8") == cldr.table()
