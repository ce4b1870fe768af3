"""PDF documents (PDF/A-3b) by typst, with fonts from packages; equal content gives equal bytes."""

import json
import threading
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import typst

# Latin, Cyrillic, Greek; then the others. Fonts of the machine are never used: the bytes must not
# depend on it.
FONTS = (
    "fontpkg_noto_sans",
    "fontpkg_noto_sans_arabic",
    "fontpkg_noto_sans_devanagari",
    "fontpkg_noto_sans_thai",
    "fontpkg_heebo",
    "cvttf_NotoSansCJK_Regular",
)
# A compiler caches fonts and template and is not thread-safe.
_one_at_a_time = threading.Lock()


def pdf(template: Path, content: dict[str, Any]) -> bytes:
    """The PDF of a template, which reads `content` as JSON from `sys.inputs.content`."""
    return _compile(template, content, {"format": "pdf", "pdf_standards": ["a-3b"]})


def first_page(template: Path, content: dict[str, Any]) -> bytes:
    """A PNG of the first page, for previews and tests."""
    return _compile(template, content, {"format": "png", "ppi": 110.0})


def _compile(template: Path, content: dict[str, Any], options: dict[str, Any]) -> bytes:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    with _one_at_a_time:
        made = _compiler(template).compile(sys_inputs={"content": text}, **options)
    page = made[0] if isinstance(made, list) else made
    assert isinstance(page, bytes)
    return page


@cache
def _compiler(template: Path) -> typst.Compiler:
    folders = [
        Path(spec.origin).parent for name in FONTS if (spec := find_spec(name)) and spec.origin
    ]
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=folders)
    return typst.Compiler(str(template), font_paths=fonts, ignore_system_fonts=True)
