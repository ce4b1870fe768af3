"""German is complete: every text of a page is translated, with its variables, and compiled."""

import re
from pathlib import Path

import pytest
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.test import Client
from django.urls import reverse

from tests.factories import make_business, make_member

FOLDER = Path(settings.LOCALE_PATHS[0]) / "de" / "LC_MESSAGES"
VARIABLE = re.compile(r"%\((\w+)\)[sd]")


def texts(message_part: object) -> list[str]:
    return list(message_part) if isinstance(message_part, (tuple, list)) else [str(message_part)]


def test_every_text_of_a_page_is_translated_with_its_variables() -> None:
    with (FOLDER / "django.po").open("rb") as file:
        catalogue = read_po(file, locale="de")
    pages = [
        m
        for m in catalogue
        if m.id and any(place.startswith("templates/") for place, _ in m.locations)
    ]
    assert len(pages) > 250
    assert [m.id for m in pages if not all(texts(m.string))] == []
    for message in catalogue:
        if message.id and all(texts(message.string)):
            wanted = set(VARIABLE.findall(texts(message.id)[0]))
            assert all(set(VARIABLE.findall(text)) == wanted for text in texts(message.string)), (
                message.id
            )


def test_the_compiled_catalogue_is_the_written_one() -> None:
    with (FOLDER / "django.po").open("rb") as file:
        written = read_po(file, locale="de")
    with (FOLDER / "django.mo").open("rb") as file:
        compiled = read_mo(file)
    assert [m.id for m in written if m.id and any(texts(m.string)) and m.id not in compiled] == []


@pytest.mark.django_db
def test_a_reader_gets_the_language_asked_for() -> None:
    client = Client(headers={"Accept-Language": "de"})
    client.force_login(
        make_member(make_business(), "owner"), backend="django.contrib.auth.backends.ModelBackend"
    )
    assert "Noch keine Gespräche" in client.get(reverse("inbox")).content.decode()
    client.post(reverse("language"), {"language": "en", "next": "/you/"})
    assert "No conversations yet" in client.get(reverse("inbox")).content.decode()
    away = client.post(reverse("language"), {"language": "de", "next": "https://evil.example/"})
    assert away.headers["Location"] == "/"
