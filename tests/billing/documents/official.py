"""The published rule files of EN 16931, XRechnung and Peppol, from a folder outside the repository.

`EINVOICE_RULES` names a folder with work trees of the repositories `eInvoicing-EN16931`,
`xrechnung-schematron`, `peppol-bis-invoice-3` and `schxslt` (which compiles Schematron); none of
them is part of Parley.
"""

import os
import re
from functools import cache
from pathlib import Path
from typing import Any

from lxml import etree
from saxonche import PySaxonProcessor

XSD = "http://www.w3.org/2001/XMLSchema"
SVRL = "{http://purl.oclc.org/dsdl/svrl}"
COMPILER = "schxslt/core/src/main/resources/xslt/2.0/pipeline-for-svrl.xsl"
# Rule set and syntax -> file, relative to the folder.
FILES = {
    ("EN 16931", "cii"): "eInvoicing-EN16931/cii/xslt/EN16931-CII-validation.xslt",
    ("EN 16931", "ubl"): "eInvoicing-EN16931/ubl/xslt/EN16931-UBL-validation.xslt",
    (
        "XRechnung",
        "cii",
    ): "xrechnung-schematron/src/validation/schematron/cii/XRechnung-CII-validation.sch",
    (
        "XRechnung",
        "ubl",
    ): "xrechnung-schematron/src/validation/schematron/ubl/XRechnung-UBL-validation.sch",
    ("Peppol", "ubl"): "peppol-bis-invoice-3/rules/sch/PEPPOL-EN16931-UBL.sch",
    ("Peppol", "cii"): "peppol-bis-invoice-3/rules/sch/PEPPOL-EN16931-CII.sch",
}


def folder() -> Path | None:
    """The folder of the rule files; None where the variable is unset or the folder is missing."""
    named = os.environ.get("EINVOICE_RULES", "")
    return Path(named) if named and Path(named).is_dir() else None


@cache
def _processor() -> Any:
    return PySaxonProcessor(license=False)


@cache
def _rules(rule_set: str, syntax: str) -> Any:
    base = folder()
    assert base is not None
    path = base / FILES[rule_set, syntax]
    compiler = _processor().new_xslt30_processor()
    if path.suffix == ".xslt":
        return compiler.compile_stylesheet(stylesheet_file=str(path))
    pipeline = compiler.compile_stylesheet(stylesheet_file=str(base / COMPILER))
    made = pipeline.transform_to_string(source_file=str(path))
    # XRechnung's file for CII uses the prefix in a function without declaring it.
    if f'xmlns:xs="{XSD}"' not in made[:2000]:
        made = re.sub(r"<([\w:]+) ", rf'<\1 xmlns:xs="{XSD}" ', made, count=1)
    return _processor().new_xslt30_processor().compile_stylesheet(stylesheet_text=made)


def failures(rule_set: str, syntax: str, xml: bytes, *, warnings: bool = False) -> list[str]:
    """Ids of the rules that a document breaks, fatal ones only unless `warnings`."""
    node = _processor().parse_xml(xml_text=xml.decode())
    report = etree.fromstring(_rules(rule_set, syntax).transform_to_string(xdm_node=node).encode())
    broken = [*report.iter(f"{SVRL}failed-assert"), *report.iter(f"{SVRL}successful-report")]
    return [
        str(one.get("id"))
        for one in broken
        if warnings or (one.get("flag") or one.get("role") or "fatal") in ("fatal", "error")
    ]
