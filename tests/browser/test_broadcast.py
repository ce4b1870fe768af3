"""A broadcast of two hundred in a real browser: list, price, progress to the end, results."""

from playwright.sync_api import Dialog, Page, expect

from core.tenancy import system
from hosting.models import BroadcastRecipient, Message, Number
from tests.browser.conftest import Site
from tests.factories import make_template


def test_two_hundred_customers_are_written_to_while_somebody_watches(
    site: Site, page: Page
) -> None:
    make_template(
        site.number,
        "new_harvest",
        category="marketing",
        components=[{"type": "BODY", "text": "Bag {{1}}"}],
    )
    with system("test"):
        # Slow enough to be watched: 80 at once, then the rest as the bucket fills.
        Number.objects.filter(pk=site.number.pk).update(messages_per_second=80)
    page.goto("/broadcasts/")
    page.get_by_role("link", name="New broadcast").click()
    page.get_by_label("Paste numbers").fill(
        "\n".join(f"+1415555{n:04},{n}" for n in range(1000, 1200)) + "\n12,x"
    )
    page.get_by_role("button", name="Check the list").click()
    expect(page.locator("main")).to_contain_text("Bag 1000")
    expect(page.locator("main")).to_contain_text("North America")
    expect(page.locator("#invalid")).to_contain_text("201")
    asked: list[str] = []

    def agree(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.accept()

    page.on("dialog", agree)
    page.get_by_role("button", name="Send to 200 customers").click()
    expect(page.locator("#progress")).to_contain_text("of 200 customers")
    assert asked[0].startswith("Send ")
    assert " to 200 customers for at most $" in asked[0]
    expect(page.locator("#progress progress")).not_to_have_attribute("value", "0")
    expect(page.locator("#progress")).to_contain_text("200 of 200 customers", timeout=30_000)
    with system("test"):
        assert Message.objects.count() == 200
        assert (
            BroadcastRecipient.objects.filter(state="sent").values("message_id").distinct().count()
            == 200
        )
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == "new_harvest-results.csv"
