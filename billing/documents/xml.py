"""XML from nested tuples."""

import re
from typing import Any

from lxml import etree

# An element: its name, then attributes (a dict), text or children; None children are skipped.
Node = tuple[Any, ...]

# Characters that XML 1.0 forbids.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def append(parent: Any, node: Node | None, names: dict[str, str]) -> None:
    """Append a node to an element; `names` are namespaces by prefix, the empty one the default."""
    if node is None:
        return
    name, *rest = node
    prefix, _, local = name.rpartition(":")
    element = etree.SubElement(parent, f"{{{names[prefix]}}}{local}")
    for part in rest:
        if isinstance(part, dict):
            element.attrib.update(part)
        elif isinstance(part, tuple) or part is None:
            append(element, part, names)
        else:
            element.text = clean(part)


def clean(value: object) -> str:
    """The text of a value without characters that XML forbids, and without spaces around it."""
    return _ILLEGAL.sub("", str(value)).strip()


def written(root: Any) -> bytes:
    """The document as bytes."""
    made: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return made
