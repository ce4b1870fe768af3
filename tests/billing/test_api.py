"""`/api/v1/usage/` and `/api/v1/charges/`: the ledger in the API, each business its own."""

from datetime import UTC, date, datetime

import pytest

from accounts.models import KeyScope
from billing.invoices import close
from billing.metering import meter
from billing.metering.reversals import reverse_charge
from tests.factories import make_business, make_deliveries, make_key, make_number


@pytest.fixture
def shop(db):
    business = make_business(
        timezone="UTC", plan_id="free", clock_at=datetime(2026, 5, 16, tzinfo=UTC)
    )
    ids = make_deliveries(business, make_number(business), 3, at=datetime(2026, 5, 2, tzinfo=UTC))
    meter.meter_due()
    return business, ids, {"headers": {"Authorization": f"Bearer {make_key(business)}"}}


def test_charges_come_page_by_page_newest_first(shop, client):
    _, ids, key = shop
    first = client.get("/api/v1/charges/?limit=2", **key).json()
    assert {
        name: first["data"][0][name] for name in ("month", "market", "category", "rule", "price")
    } == {
        "month": "2026-05",
        "market": "North America",
        "category": "utility",
        "rule": "tier",
        "price": "0.0091",
    }
    second = client.get(f"/api/v1/charges/?limit=2&after={first['next']}", **key).json()
    both = first["data"] + second["data"]
    assert sorted(row["message_id"] for row in both) == ids
    assert [row["id"] for row in both] == sorted((row["id"] for row in both), reverse=True)
    assert second["next"] is None


def test_charges_are_narrowed_and_bad_months_refused(shop, client):
    _, _, key = shop
    found = client.get(
        "/api/v1/charges/?month=2026-05&billed_month=2026-05&category=utility&rule=tier", **key
    ).json()
    assert len(found["data"]) == 3
    for query in ("month=2026-04", "billed_month=2026-06", "market=India", "category=service"):
        assert client.get(f"/api/v1/charges/?{query}", **key).json()["data"] == []
    for address in ("charges/?month=May", "usage/?month=2026-13"):
        refused = client.get(f"/api/v1/{address}", **key)
        assert (refused.status_code, refused.json()["error"]["field"]) == (400, "month")


def test_price_is_explained_up_to_the_invoice_line(shop, client):
    business, ids, key = shop
    invoice = close.close_period(business=business, month=date(2026, 5, 1))
    why = client.get(f"/api/v1/charges/{ids[1]}/", **key).json()
    assert (why["price"], why["position"], why["tier_first"], why["tier_last"]) == (
        "0.0091",
        2,
        1,
        1000,
    )
    assert (why["invoice_number"], why["invoice_line"], why["card"]) == (
        invoice.number,
        1,
        "Parley standard",
    )
    assert (
        why["reason"]
        == "Number 2 of May 2026 in utility to North America: tier from 1 to 1,000 costs $0.0091."
    )
    reverse_charge(business_id=business.pk, charge_id=why["charge_id"], reason="Goodwill")
    assert client.get(f"/api/v1/charges/{ids[1]}/", **key).json()["reversal_reason"] == "Goodwill"
    newest = client.get("/api/v1/charges/?limit=1", **key).json()["data"][0]
    assert (newest["price"], newest["reverses"], newest["note"]) == (
        "-0.0091",
        why["charge_id"],
        "Goodwill",
    )
    assert client.get("/api/v1/charges/99999999999999999999/", **key).status_code == 404


def test_usage_of_the_running_month(shop, client):
    _, _, key = shop
    month = client.get("/api/v1/usage/", **key).json()
    assert {
        name: month[name]
        for name in ("month", "currency", "is_closed", "messages", "amount", "fee", "waiting")
    } == {
        "month": "2026-05",
        "currency": "USD",
        "is_closed": False,
        "messages": 3,
        "amount": "0.0273",
        "fee": "0",
        "waiting": 0,
    }
    # 3 x $0.0091 in 15 of 31 days.
    assert month["estimate"] == "0.05642"
    assert month["days"] == [
        {"day": "2026-05-02", "category": "utility", "messages": 3, "amount": "0.0273"}
    ]
    assert month["ladders"][0]["to_next"] == 997
    assert month["ladders"][0]["next_price"] == "0.0082"


def test_strangers_and_keys_without_the_scope_see_nothing(shop, client):
    business, ids, _ = shop
    stranger = make_business("Stranger")
    other = {"headers": {"Authorization": f"Bearer {make_key(stranger)}"}}
    assert client.get("/api/v1/charges/", **other).json()["data"] == []
    assert client.get(f"/api/v1/charges/{ids[0]}/", **other).status_code == 404
    assert client.get("/api/v1/usage/", **other).json()["messages"] == 0
    narrow = {
        "headers": {"Authorization": f"Bearer {make_key(business, scopes=[KeyScope.MESSAGES])}"}
    }
    for address in ("usage/", "charges/", f"charges/{ids[0]}/"):
        assert client.get(f"/api/v1/{address}", **narrow).status_code == 403
        assert client.get(f"/api/v1/{address}").status_code == 401
