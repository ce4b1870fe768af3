"""JSON of the own API, written by orjson."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import orjson
from django.utils.functional import Promise
from rest_framework.renderers import JSONRenderer

OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS


class OrjsonRenderer(JSONRenderer):
    """The same text as DRF's renderer writes, sooner.

    DRF's own writes where an indent is asked for, decimals, and numbers beyond 64 bits.
    """

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """The text in UTF-8; empty where there is no data."""
        if data is None:
            return b""
        if not self.get_indent(accepted_media_type or "", dict(renderer_context or {})):
            with suppress(TypeError):
                return dumps(data)
        return super().render(data, accepted_media_type, renderer_context)


def dumps(data: Any) -> bytes:
    """The text in UTF-8; TypeError for what orjson does not write."""
    text = orjson.dumps(data, _plain, OPTIONS)
    # Line separators of Unicode end a line of JavaScript.
    return text.replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")


def _plain(value: Any) -> Any:
    if isinstance(value, Promise):
        return str(value)
    raise TypeError(f"{type(value).__name__} is DRF's to write")
