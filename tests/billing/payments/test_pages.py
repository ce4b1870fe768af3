"""Paying as a customer: by the link in the e-mail, by a button, with a saved card; banners about
unpaid invoices.
"""

import re
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.formats import date_format

from accounts.models import Business
from billing import emails, pay_links
from billing.models import BillingDetails, GatewayEvent, Invoice, Seller
from billing.payments import dunning, receipts, stripe_collection
from core import outbound
from core.tenancy import system
from tests.billing.payments.test_dunning import set_time
from tests.billing.payments.test_stripe_collection import event, later, owing, signed, state, stripe
from tests.factories import make_business, make_client

__all__ = ["stripe"]


def member(business: Business, role: str = "finance") -> Client:
    return make_client(business, role)


def text(response: Any) -> str:
    return str(response.content.decode())


def next_page(response: Any) -> str:
    """Where the page leads that is shown between ours and the payment network's."""
    (url,) = re.findall(r'http-equiv="refresh" content="0; url=([^"]+)"', text(response))
    return str(url)


def test_anybody_with_the_link_sees_and_pays_the_invoice(db: None, stripe: Any) -> None:
    _, invoice = owing()
    page = pay_links.pay_path(invoice)
    shown = Client().get(page)
    assert (shown.status_code, shown.headers["X-Robots-Tag"], shown.headers["Referrer-Policy"]) == (
        200,
        "noindex",
        "same-origin",
    )
    assert "$49.00" in text(shown)
    assert Client().get(f"{page}pdf/").content.startswith(b"%PDF-")
    sent = Client().post(f"{page}card/")
    assert (sent.status_code, next_page(sent)) == (200, "https://pay.example/1")
    assert next_page(Client().post(f"{page}card/")) == "https://pay.example/1"
    assert state(invoice) == ("open", [("pending", 4900)])
    (session,) = (
        thing for thing in stripe.things.values() if thing["object"] == "checkout.session"
    )
    session |= {"status": "complete", "payment_status": "paid"}
    assert "Paid on" in text(Client().get(f"{page}?back=1"))
    assert state(invoice) == ("paid", [("succeeded", 4900)])
    again = Client().post(f"{page}card/")
    assert (again.status_code, "there is nothing to pay" in text(again)) == (409, True)
    assert state(invoice) == ("paid", [("succeeded", 4900)])


def test_an_invalid_pay_link_is_not_found(db: None, stripe: Any) -> None:
    _, invoice = owing()
    token = pay_links.pay_path(invoice).split("/")[2]
    other = f"{invoice.pk + 1}:{token.partition(':')[2]}"
    for wrong in ("x", "1:x", other, token[:-1] + ("A" if token[-1] != "A" else "B")):
        assert [
            Client().get(f"/pay/{wrong}/").status_code,
            Client().post(f"/pay/{wrong}/card/").status_code,
        ] == [404] * 2
    assert state(invoice) == ("open", [])


def test_without_stripe_the_page_says_how_to_transfer(db: None, settings: Any) -> None:
    settings.STRIPE_API_KEY = ""
    with system("test"):
        Seller.objects.update(iban="DE89370400440532013000")
    _, invoice = owing()
    shown = text(Client().get(pay_links.pay_path(invoice)))
    assert "DE89370400440532013000" in shown
    assert str(invoice.number) in shown
    assert "Cards are not accepted here." in shown
    refused = Client().post(f"{pay_links.pay_path(invoice)}card/")
    assert (refused.status_code, "Card payments are off" in text(refused)) == (409, True)
    assert "STRIPE_API_KEY" not in shown + text(refused)
    assert state(invoice) == ("open", [])


def test_the_button_charges_the_saved_card_once(db: None, stripe: Any) -> None:
    business, invoice = owing()
    client = member(business)
    for _ in range(3):
        assert client.post(reverse("pay_now", args=[invoice.number])).status_code == 302
    assert state(invoice) == ("open", [("open", 4900)])
    assert "is under way" in text(client.get(reverse("invoice", args=[invoice.number])))
    stripe_collection.collect_due()
    assert (state(invoice), stripe.charges) == (("paid", [("succeeded", 4900)]), [4900])


def test_an_unknown_result_blocks_button_and_link(db: None, stripe: Any) -> None:
    business, invoice = owing()
    client = member(business)
    client.post(reverse("pay_now", args=[invoice.number]))
    stripe.lose = 1
    stripe_collection.collect_due()
    client.post(reverse("pay_now", args=[invoice.number]))
    assert Client().post(f"{pay_links.pay_path(invoice)}card/").status_code == 409
    assert state(invoice) == ("open", [("unknown", 4900)])
    later()
    stripe_collection.collect_due()
    assert (state(invoice), stripe.charges) == (("paid", [("succeeded", 4900)]), [4900])


def test_a_network_that_does_not_answer_holds_the_page_for_seconds_only(
    db: None, stripe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "SECONDS", 0.4)
    _, invoice = owing()
    stripe.hang = threading.Event()
    try:
        shown = Client().post(f"{pay_links.pay_path(invoice)}card/")
    finally:
        stripe.hang.set()
    assert (shown.status_code, "could not be opened; try again" in text(shown)) == (409, True)
    assert state(invoice) == ("open", [])
    stripe.hang = None
    assert (
        next_page(Client().post(f"{pay_links.pay_path(invoice)}card/")) == "https://pay.example/1"
    )


def test_without_a_saved_card_the_button_leads_to_the_page(db: None, stripe: Any) -> None:
    business, invoice = owing()
    with system("test"):
        BillingDetails.objects.update(method_id="")
    sent = member(business).post(reverse("pay_now", args=[invoice.number]))
    assert sent.headers["Location"] == pay_links.pay_path(invoice)
    assert state(invoice) == ("open", [])


def saved() -> tuple[str, str]:
    with system("test"):
        details = BillingDetails.objects.get(business__name="Bakery")
        return details.method_id, details.method_label


def test_a_card_is_saved_by_page_and_webhook_in_either_order(db: None, stripe: Any) -> None:
    business, _ = owing()
    client = member(business)
    assert next_page(client.post(reverse("change_method"))) == "https://pay.example/setup"
    session = stripe.finish_setup("visa", "4242")
    assert client.get(reverse("method_saved"), {"session": session}).status_code == 302
    assert saved() == ("pm_4242", "visa 4242")
    client.post(reverse("change_method"))
    session = stripe.finish_setup("mastercard", "4444")
    for number in (1, 1, 2):
        body = event(number, session, "checkout.session.completed")
        posted = Client().post(
            "/webhooks/stripe/", body, content_type="application/json", headers=signed(body)
        )
        assert posted.status_code == 200
    stripe_collection.collect_due()
    assert saved() == ("pm_4444", "mastercard 4444")
    with system("test"):
        assert not GatewayEvent.objects.filter(applied_at=None).exists()


def test_an_unfinished_or_foreign_session_saves_nothing(db: None, stripe: Any) -> None:
    business, _ = owing()
    client = member(business)
    client.post(reverse("change_method"))
    unfinished = next(reversed(stripe.things))
    client.get(reverse("method_saved"), {"session": unfinished})
    assert saved() == ("pm_1", "")
    other = member(make_business(name="Other"))
    other.post(reverse("change_method"))
    client.get(reverse("method_saved"), {"session": stripe.finish_setup("visa", "1111")})
    assert saved() == ("pm_1", "")


def test_removing_a_card_removes_it_here_and_at_the_network(db: None, stripe: Any) -> None:
    business, invoice = owing()
    member(business).post(reverse("remove_method"))
    assert (saved(), stripe.detached) == (("", ""), ["pm_1"])
    sent = member(business).post(reverse("pay_now", args=[invoice.number]))
    assert (sent.headers["Location"], stripe.charges) == (pay_links.pay_path(invoice), [])


def test_agents_and_viewers_neither_pay_nor_change_the_card(db: None, stripe: Any) -> None:
    business, invoice = owing()
    for role in ("agent", "viewer"):
        client = member(business, role)
        posts = [
            reverse("pay_now", args=[invoice.number]),
            reverse("change_method"),
            reverse("remove_method"),
        ]
        assert [client.post(path).status_code for path in posts] == [403] * 3
    assert (state(invoice), saved()) == (("open", []), ("pm_1", ""))


def test_every_mail_about_money_carries_the_link(db: None) -> None:
    _, invoice = owing()
    link = pay_links.pay_url(invoice)
    with system("test"):
        for about in ("invoice_issued", "past_due", "payment_failed", "suspended"):
            mail = emails.preview(invoice, about, failure="x", stops_at=invoice.due_at)
            plain, html = mail.text, mail.html
            assert link in plain
            assert f'href="{link}"' in html
        assert link in emails.of_invoice(invoice).get().text


def banner(client: Client) -> str:
    shown = text(client.get("/you/"))
    start = shown.find('class="banner')
    return " ".join(shown[start : shown.find("</aside>", start)].split()) if start > 0 else ""


def test_banners_warn_then_say_that_sending_is_stopped_then_go(db: None, settings: Any) -> None:
    settings.STRIPE_API_KEY = ""
    business, invoice = owing()
    finance, agent = member(business), member(business, "agent")
    set_time(business, datetime(2026, 6, 16, tzinfo=UTC))
    assert (banner(finance), banner(agent)) == ("", "")
    set_time(business, datetime(2026, 6, 18, tzinfo=UTC))
    stops = date_format(dunning.suspends_at(invoice))
    assert (
        f"Invoice {invoice.number} is past due. Sending stops on {stops} unless it is paid."
        in banner(finance)
    )
    assert reverse("invoice", args=[invoice.number]) in banner(finance)
    assert banner(agent) == ""
    set_time(business, datetime(2026, 8, 30, tzinfo=UTC))
    while dunning.run_due():
        pass
    assert f"Sending is stopped: invoice {invoice.number} is unpaid." in banner(finance)
    assert "Sending is stopped" in banner(agent)
    assert "Pay now" not in banner(agent)
    receipts.record_transfer(invoice=invoice, amount_minor=4900, reference="STMT 1")
    assert (banner(finance), banner(agent)) == ("", "")


def test_sending_stopped_for_another_reason_is_not_called_unpaid(db: None, settings: Any) -> None:
    settings.STRIPE_API_KEY = ""
    business, _ = owing()
    set_time(business, datetime(2026, 6, 18, tzinfo=UTC))
    with system("test"):
        business.suspend("Abuse")
    assert "Invoice" not in banner(member(business))


def test_the_list_is_narrowed_by_status_year_and_number(db: None, settings: Any) -> None:
    settings.STRIPE_API_KEY = ""
    business, invoice = owing()
    client = member(business)
    set_time(business, datetime(2026, 6, 18, tzinfo=UTC))

    def found(**query: str) -> int:
        response = client.get(reverse("invoices"), query)
        return len(response.context["page"].object_list)

    assert [
        found(),
        found(status="open"),
        found(status="paid"),
        found(status="past_due"),
        found(status="x"),
    ] == [
        1,
        1,
        0,
        1,
        1,
    ]
    assert [
        found(year="2026"),
        found(year="2025"),
        found(year="x"),
        found(q=str(invoice.number)[-3:]),
        found(q="zz"),
    ] == [
        1,
        1,
        1,
        1,
        0,
    ]
    assert "No invoice fits" in text(client.get(reverse("invoices"), {"q": "zz"}))
    assert f"{reverse('finance_exports')}?year=2026" in text(client.get(reverse("invoices")))
    with system("test"):
        assert Invoice.objects.get().number == invoice.number
