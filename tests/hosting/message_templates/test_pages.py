"""The settings of templates, by HTTP as a browser would use them."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry
from core.tenancy import system
from hosting.models import Number, Template, Upstream
from tests.factories import make_business, make_client, make_number, make_template


@pytest.fixture
def number(db: None) -> Number:
    return make_number(make_business())


@pytest.fixture
def client(number: Number) -> Client:
    return make_client(number.business, "owner")


def typed(number: Number, **changes: str) -> dict[str, str]:
    return {
        "account_": number.account.waba_id,
        "name": "order_shipped",
        "language": "en_US",
        "category": "utility",
        "header": "Good news",
        "body": "Your order {{1}} is on its way.",
        "examples": "4711",
        "footer": "Luma",
        **buttons(
            ("QUICK_REPLY", "Thanks", ""),
            ("URL", "Track it", "https://example.com/{{1}}"),
            ("PHONE_NUMBER", "Call us", "+14155550100"),
            ("QUICK_REPLY", "", ""),
        ),
    } | changes


def buttons(*rows: tuple[str, str, str]) -> dict[str, str]:
    """What a browser posts for rows of kind, text, and address or number."""
    names = ("kind", "text", "target")
    return {"buttons-TOTAL_FORMS": str(len(rows)), "buttons-INITIAL_FORMS": "0"} | {
        f"buttons-{n}-{name}": value
        for n, row in enumerate(rows)
        for name, value in zip(names, row, strict=True)
    }


def only() -> Template:
    with system("test"):
        return Template.objects.get()


def test_an_empty_page_offers_one_button(client: Client) -> None:
    page = client.get(reverse("templates")).content.decode()
    assert "No templates yet" in page
    assert page.count("button primary") == 1


def test_a_template_is_written_as_people_write_one(client: Client, number: Number) -> None:
    answer = client.post(reverse("new_template"), typed(number))
    made = only()
    assert (answer.status_code, answer["Location"]) == (
        302,
        reverse("template", args=[made.template_id]),
    )
    assert (made.name, made.language, made.category, made.status) == (
        "order_shipped",
        "en_US",
        "utility",
        "APPROVED",
    )
    assert made.components == [
        {"type": "HEADER", "format": "TEXT", "text": "Good news"},
        {
            "type": "BODY",
            "text": "Your order {{1}} is on its way.",
            "example": {"body_text": [["4711"]]},
        },
        {"type": "FOOTER", "text": "Luma"},
        {
            "type": "BUTTONS",
            "buttons": [
                {"type": "QUICK_REPLY", "text": "Thanks"},
                {"type": "URL", "text": "Track it", "url": "https://example.com/{{1}}"},
                {"type": "PHONE_NUMBER", "text": "Call us", "phone_number": "+14155550100"},
            ],
        },
    ]
    page = client.get(answer["Location"]).content.decode()
    for shown in ("order_shipped", "Good news", "Luma", "Track it", "Approved", "Utility"):
        assert shown in page
    with system("test"):
        assert AuditEntry.objects.get().action == "template.created"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": "Upper Case"}, "name may have lower-case letters"),
        ({"body": "{{1}}"}, "must not begin or end"),
        ({"language": "english"}, "english is not one of the available choices"),
        ({"examples": ""}, None),
        ({"body": ""}, "This field is required"),
        ({"examples": "a\nb"}, "2 values for 1 variables"),
        (buttons(("URL", "x", "ftp://y")), "http:// or https://"),
        (buttons(("URL", "x", "")), "The button needs an address or a number."),
        (buttons(("URL", "", "https://example.com")), "The button needs a text."),
        (buttons(("QUICK_REPLY", "Yes", "https://example.com")), "A reply has no address"),
    ],
)
def test_what_is_refused_is_said_and_nothing_typed_is_lost(
    client: Client, number: Number, changes: dict[str, str], says: str | None
) -> None:
    answer = client.post(reverse("new_template"), typed(number, **changes))
    if says is None:
        assert answer.status_code == 302
        return
    page = answer.content.decode()
    assert (
        answer.status_code,
        says in page,
        'value="+14155550100"' in page or "buttons-0-text" in changes,
    ) == (
        422,
        True,
        True,
    )
    with system("test"):
        assert not Template.objects.exists()


def test_the_preview_shows_what_is_typed_so_far_escaped(client: Client, number: Number) -> None:
    page = client.post(
        reverse("preview_template"),
        {
            "body": "*Hi* {{1}} <script>",
            "examples": "Ada",
            **buttons(("QUICK_REPLY", "Yes", "")),
        },
    ).content.decode()
    assert "<strong>Hi</strong> Ada &lt;script&gt;" in page
    assert "<span>Yes</span>" in page
    assert client.post(reverse("preview_template"), {}).status_code == 200


def test_the_list_shows_status_and_quality_and_pages(client: Client, number: Number) -> None:
    for n in range(51):
        make_template(number, f"t{n}", status="PAUSED" if n == 0 else "APPROVED", quality="RED")
    page = client.get(reverse("templates"))
    assert (len(page.context["templates"]), page.context["templates"][0].name) == (50, "t50")
    rest = client.get(reverse("templates"), {"before": page.context["older"]})
    assert [row.name for row in rest.context["templates"]] == ["t0"]
    paused = client.get(reverse("templates"), {"status": "PAUSED"})
    assert [row.name for row in paused.context["templates"]] == ["t0"]
    assert "Low" in paused.content.decode()


def test_deletion_and_a_strangers_template(client: Client, number: Number) -> None:
    mine, theirs = (
        make_template(number),
        make_template(make_number(make_business("Stranger")), "theirs"),
    )
    page = client.post(
        reverse("delete_template", args=[mine.template_id]), follow=True
    ).content.decode()
    assert "Deleted. What was sent with it stays as it is." in page
    assert client.get(reverse("template", args=[mine.template_id])).status_code == 404
    for name in ("template", "delete_template"):
        method: Any = client.get if name == "template" else client.post
        assert method(reverse(name, args=[theirs.template_id])).status_code == 404
    with system("test"):
        assert [row.name for row in Template.objects.live()] == ["theirs"]


def test_an_upstream_is_asked_now(client: Client, number: Number) -> None:
    assert "Ask the upstream now" not in client.get(reverse("templates")).content.decode()
    with system("test"):
        Upstream.objects.create(
            business=number.business,
            account=number.account,
            waba_id="7",
            token="t",
            app_secret="s",
            synchronised_at="2026-01-01T00:00:00Z",
        )
    assert "Ask the upstream now" in client.get(reverse("templates")).content.decode()
    assert client.post(reverse("synchronise_templates")).status_code == 302
    with system("test"):
        assert Upstream.objects.get().synchronised_at is None
