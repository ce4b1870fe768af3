"""Hard spend caps are exact under concurrency; alerts come once at 50, 80 and 100 percent."""

import threading
from datetime import UTC, date, datetime

import orjson
import pytest
from django.core import mail
from django.db import connections

from billing import spend_caps, tasks
from billing.metering import meter
from billing.models import CardChoice, Charge, Commitment, RateCard, SpendAlert, SpendCap
from billing.rate_cards import versions
from billing.rate_cards.versions import Sheet, Step
from core import outbox
from core.tenancy import scope, system
from hosting.errors import CloudApiError
from hosting.messages import send as messages_send
from hosting.models import Contact, Conversation, Message, Webhook, WebhookCall
from tests.billing.rate_cards.test_agreed_terms import make_version
from tests.factories import (
    make_business,
    make_deliveries,
    make_member,
    make_number,
    make_template,
    queue_deliveries,
)

NOW = datetime(2026, 5, 10, 12, tzinfo=UTC)
MAY = date(2026, 5, 1)
TEMPLATE = {
    "name": "order_update",
    "language": {"code": "en_US"},
    "components": [{"type": "body", "parameters": [{"type": "text", "text": "7"}]}],
}


def make_shop(limit, **cap):
    business = make_business(timezone="UTC", clock_at=NOW)
    number = make_number(business)
    make_template(number)
    with system("test"):
        SpendCap.objects.create(business=business, limit_micros=limit, **cap)
    return business, number


def send(business, number, to="14155550100"):
    with scope(business.pk):
        return messages_send.send_message(
            business=business, number=number, to=to, kind="template", content=TEMPLATE
        )


def committed():
    with system("test"):
        return list(Commitment.objects.values_list("price_micros", flat=True))


def test_two_hundred_sends_at_once_with_room_for_one_send_exactly_one(committed_db):
    # A utility message to North America costs $0.0091: the cap of $0.0181 holds one, not two.
    business, number = make_shop(18_100)
    send(business, number)
    with system("test"):
        Commitment.objects.all().delete()
        Message.objects.all().update(status="delivered", delivered_at=NOW)
        message = Message.objects.get()
        SpendCap.objects.update(limit_micros=9_100 + 9_100 + 9_099)
    queue_deliveries([message.pk])
    meter.meter_due()
    start, sent, refused, broken = threading.Barrier(20), [], [], []

    def work():
        try:
            start.wait()
            for _ in range(10):
                try:
                    sent.append(send(business, number).wamid)
                except CloudApiError as error:
                    refused.append(error.code)
        except BaseException as error:
            broken.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (broken, len(sent), len(refused), set(refused)) == ([], 1, 199, {"cloudapi_131042"})
    with system("test"):
        assert Message.objects.count() == 2
    assert committed() == [9_100]


def test_refusal_names_the_amounts_and_leaves_nothing(db):
    business, number = make_shop(9_099)
    with pytest.raises(CloudApiError) as caught:
        send(business, number)
    assert caught.value.code == "cloudapi_131042"
    assert (
        "Spend cap reached: 0.009099 a month. Charged 0, under way 0, this message 0.0091."
        in caught.value.message
    )
    with system("test"):
        assert not Message.objects.exists()
        assert not Conversation.objects.exists()
    assert committed() == []


def test_commitment_becomes_the_charge(db):
    business, number = make_shop(20_000)
    message = send(business, number)
    assert committed() == [9_100]
    with system("test"):
        Message.objects.filter(pk=message.pk).update(status="delivered", delivered_at=NOW)
    queue_deliveries([message.pk])
    tasks.sweep()
    assert committed() == []
    with system("test"):
        assert [c.price_micros for c in Charge.objects.all()] == [9_100]
    send(business, number)
    with pytest.raises(CloudApiError, match=r"Charged 0\.0091, under way 0\.0091"):
        send(business, number)


def test_failed_message_releases_its_commitment(db):
    business, number = make_shop(9_100)
    message = send(business, number)
    with pytest.raises(CloudApiError):
        send(business, number)
    with system("test"):
        Message.objects.filter(pk=message.pk).update(status="failed")
    assert spend_caps.release_commitments() == 1
    send(business, number)
    assert committed() == [9_100]


def test_free_message_needs_no_commitment_and_a_soft_cap_refuses_nothing(db):
    business, number = make_shop(0)
    with system("test"):
        CardChoice.objects.create(
            business=business, card=make_version(utility_free_in_window=True).card
        )
    with pytest.raises(CloudApiError):
        send(business, number)
    make_deliveries(business, number, 1)
    with system("test"):
        Conversation.objects.update(last_inbound_at=NOW)
    send(business, number)
    with system("test"):
        Conversation.objects.update(last_inbound_at=None)
        SpendCap.objects.update(is_hard=False)
    send(business, number)
    assert committed() == []


def test_alerts_are_raised_and_mailed_once(db):
    # 9 x $0.0091 = $0.0819 is 81.9 % of $0.10; two more make $0.1001.
    business, number = make_shop(100_000)
    with system("test"):
        Webhook.objects.create(business=business, account=number.account, url="http://127.0.0.1:9/")
    owner = make_member(business)
    make_member(business, "agent")
    finance = make_member(business, "finance")
    make_deliveries(business, number, 4, at=NOW)
    tasks.sweep()
    assert outbox.send_due() == 0
    make_deliveries(business, number, 5, at=NOW)
    tasks.sweep()
    tasks.sweep()
    assert outbox.send_due() == 4
    assert sorted((m.subject, *m.to) for m in mail.outbox) == sorted(
        (f"Bakery: {percent} % of the spend cap reached", reader.email)
        for percent in (50, 80)
        for reader in (owner, finance)
    )
    assert (
        mail.outbox[0].body
        == "Messages of May 2026 have cost $0.0819 so far. The spend cap is $0.10 a month.\n"
    )
    make_deliveries(business, number, 2, at=NOW)
    tasks.sweep()
    with system("test"):
        alerts = SpendAlert.objects.filter(mailed_at__isnull=False).order_by("percent")
        assert list(alerts.values_list("percent", "spent_micros")) == [
            (50, 81_900),
            (80, 81_900),
            (100, 100_100),
        ]
        changes = [
            orjson.loads(bytes(call.body))["entry"][0]["changes"][0]
            for call in WebhookCall.objects.filter(field="account_alerts").order_by("id")
        ]
    alerts_sent = [change["value"]["alert_info"] for change in changes]
    assert [(one["alert_type"], one["alert_severity"]) for one in alerts_sent] == [
        ("SPEND_CAP_50", "WARNING"),
        ("SPEND_CAP_80", "WARNING"),
        ("SPEND_CAP_100", "CRITICAL"),
    ]
    assert changes[0]["value"]["entity_id"] == number.account.waba_id
    assert alerts_sent[2]["alert_description"] == (
        "Messages of May 2026 have cost $0.1001 so far. The spend cap is $0.10 a month."
    )


def write(business, number, to="14155550100"):
    """A text within an open 24-hour window."""
    with system("test"):
        contact, _ = Contact.objects.get_or_create(business=business, wa_id=to)
        Conversation.objects.update_or_create(
            business=business, number=number, contact=contact, defaults={"last_inbound_at": NOW}
        )
    with scope(business.pk):
        return messages_send.send_message(
            business=business, number=number, to=to, kind="text", content={"body": "Hello"}
        )


def test_free_messages_of_a_number_are_held_one_by_one(db):
    # Two service messages a month are free; a third costs $0.006, which a cap of nothing refuses.
    business, number = make_shop(0)
    with system("test"):
        CardChoice.objects.create(business=business, card=make_version(free_messages=2).card)
    first, _ = write(business, number), write(business, number)
    assert committed() == [0, 0]
    with pytest.raises(CloudApiError, match=r"this message 0\.006"):
        write(business, number)
    with system("test"):
        Message.objects.filter(pk=first.pk).update(status="failed")
    assert spend_caps.release_commitments() == 1
    third = write(business, number)
    with system("test"):
        ids = list(Message.objects.exclude(pk=first.pk).values_list("id", flat=True))
        Message.objects.filter(pk__in=ids).update(status="delivered", delivered_at=NOW)
    assert third.pk in ids
    queue_deliveries(ids)
    assert meter.meter_due() == 2
    with pytest.raises(CloudApiError, match=r"Charged 0, under way 0, this message 0\.006"):
        write(business, number)
    with system("test"):
        assert sorted(Charge.objects.values_list("rule", "price_micros")) == [("allowance", 0)] * 2
    assert committed() == []


def test_a_message_in_a_free_entry_window_commits_nothing(db):
    business, number = make_shop(0)
    with system("test"):
        contact = Contact.objects.create(business=business, wa_id="14155550100")
        Conversation.objects.create(
            business=business, number=number, contact=contact, referred_at=NOW
        )
    send(business, number)
    assert committed() == []
    with pytest.raises(CloudApiError, match="Spend cap reached"):
        send(business, number, to="14155550101")


def test_where_later_tiers_cost_more_messages_under_way_count_at_the_dearest(db):
    # The first message of the month costs 100 micros, every later one 900. Two may be under way at
    # once: the second counts as 900 although no position is taken yet.
    business, number = make_shop(1_899)
    with system("test"):
        card = RateCard.objects.create(
            name="Rising", currency="USD", floor_micros=0, ceiling_micros=90_000
        )
    ladder = [Step(1, 1, 100), Step(2, None, 900)]
    rates = {(market, "utility"): ladder for market in ("Other", "North America")}
    draft = versions.make_draft(card=card, sheet=Sheet("USD", rates), valid_from=MAY)
    versions.schedule(draft, today=date(2026, 4, 1))
    with system("test"):
        CardChoice.objects.create(business=business, card=card)
    send(business, number)
    send(business, number)
    assert committed() == [100, 900]
    with pytest.raises(CloudApiError, match=r"under way 0\.001, this message 0\.0009"):
        send(business, number)
