"""The published rule files of EN 16931, XRechnung and Peppol, from the folder that EINVOICE_RULES
names; see docs/e-invoices.md.
"""

from typing import Any

import pytest
from lxml import etree

from billing.documents import einvoice, terms
from tests.billing.documents import official
from tests.billing.documents.rules import Rule
from tests.billing.documents.samples import every_content
from tests.billing.documents.test_einvoice_rules import CASES, WITHOUT_ACCOUNT, spoiled

pytestmark = [
    pytest.mark.official,
    pytest.mark.skipif(
        official.folder() is None,
        reason="EINVOICE_RULES names no folder with the published rule files",
    ),
]
PROFILES = {"EN 16931": terms.EN16931, "XRechnung": terms.XRECHNUNG, "Peppol": terms.PEPPOL}


@pytest.mark.parametrize(("rule_set", "syntax"), list(official.FILES))
@pytest.mark.parametrize("name", list(every_content()))
def test_every_document_keeps_the_published_rules(name: str, rule_set: str, syntax: str) -> None:
    made = getattr(einvoice, syntax)(every_content()[name], PROFILES[rule_set])
    allowed = ["BR-DE-1"] if rule_set == "XRechnung" and name in WITHOUT_ACCOUNT else []
    assert official.failures(rule_set, syntax, made, warnings=True) == allowed
    assert official.failures("EN 16931", syntax, made, warnings=True) == []


@pytest.mark.parametrize(("rule", "write"), CASES, ids=[rule.id for rule, _ in CASES])
def test_the_published_rules_find_what_ours_find(rule: Rule, write: Any) -> None:
    rule_set = "XRechnung" if write is einvoice.xrechnung else "Peppol"
    good, bad = (etree.tostring(one) for one in spoiled(rule, write))
    assert official.failures(rule_set, "ubl", good, warnings=True) == []
    assert rule.id in official.failures(rule_set, "ubl", bad, warnings=True)
