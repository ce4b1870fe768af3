"""Files of a form that was refused: kept for an hour, so that they need not be chosen again."""

import secrets
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile

# The hidden field of the form that names them.
FIELD = "kept"
SECONDS = 3600
# Bytes of all files of a form; larger ones are chosen again.
LARGEST = 5_000_000


def restored(data: Any, files: Any, names: Iterable[str]) -> tuple[Any, dict[str, Any]]:
    """The data and files of a post, with those of an earlier post where none was chosen now.

    The returned data names where the files are kept from now on. Without a cache nothing is kept.
    """
    earlier = _read(data.get(FIELD, ""))
    found = {name: files[name] for name in names if name in files}
    for name in names:
        if name not in found and name in earlier:
            found[name] = SimpleUploadedFile(*earlier[name])
    return _with_token(data, found), found


def _read(token: str) -> dict[str, tuple[str, bytes]]:
    with suppress(Exception):
        return dict(cache.get(_key(token)) or {}) if token else {}
    return {}


def _with_token(data: Any, files: dict[str, Any]) -> Any:
    data = data.copy()
    data.pop(FIELD, None)
    if not files or sum(file.size for file in files.values()) > LARGEST:
        return data
    content = {name: (file.name, file.read()) for name, file in files.items()}
    for file in files.values():
        file.seek(0)
    token = secrets.token_urlsafe(24)
    with suppress(Exception):
        cache.set(_key(token), content, SECONDS)
        data[FIELD] = token
    return data


def _key(token: str) -> str:
    return f"admin.kept-files.{token[:64]}"
