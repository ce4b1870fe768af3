"""Teamwork on a thread: canned replies, notes, labels, an answer to one message."""

from playwright.sync_api import Page, expect

from core.tenancy import system
from hosting.conversations import teamwork
from hosting.models import Message
from tests.browser.conftest import Site


def open_thread(site: Site, page: Page, text: str) -> None:
    phone = site.window().new_page()
    phone.goto(f"/phone/{site.simulated_phone.pk}/{site.number.phone_number_id}/")
    phone.get_by_role("textbox", name="Message", exact=True).fill(text)
    phone.keyboard.press("Enter")
    page.goto("/inbox/")
    page.locator(".talk", has_text="Zoe Field").click()
    expect(page.locator("#latest")).to_contain_text(text)


def test_a_slash_offers_canned_replies_by_keyboard(site: Site, page: Page) -> None:
    with system("test"):
        for shortcut, text in (
            ("hours", "We open at 8, {name}."),
            ("holiday", "Closed on Sundays."),
        ):
            teamwork.save_canned_reply(business_id=site.business.pk, shortcut=shortcut, text=text)
    open_thread(site, page, "When do you open?")
    box = page.get_by_label("Reply", exact=True)
    box.press_sequentially("/ho")
    expect(page.locator("#canned [role=option]")).to_have_count(2)
    page.keyboard.press("ArrowDown")
    expect(page.locator("#canned [aria-selected=true] b")).to_have_text("/hours")
    page.keyboard.press("Enter")
    expect(box).to_have_value("We open at 8, Zoe Field.")
    expect(page.locator("#canned")).to_be_hidden()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#latest .entry.out")).to_contain_text("We open at 8, Zoe Field.")


def test_an_answer_quotes_the_message_it_was_given_to(site: Site, page: Page) -> None:
    open_thread(site, page, "Rye or wheat?")
    page.locator(".entry").hover()
    page.get_by_role("button", name="Reply to this message").click()
    expect(page.locator(".quoting")).to_contain_text("Rye or wheat?")
    page.get_by_label("Reply", exact=True).fill("Both")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".entry.out .quote")).to_contain_text("Rye or wheat?")
    expect(page.locator(".quoting")).to_be_hidden()
    with system("test"):
        asked, answered = Message.objects.order_by("pk")
    assert answered.context_wamid == asked.wamid


def test_a_colleagues_note_and_label_appear_live_and_typing_is_seen(site: Site, page: Page) -> None:
    open_thread(site, page, "Hello")
    colleague = site.window().new_page()
    colleague.goto(page.url)
    page.locator("[data-key=note]").click()
    page.get_by_role("textbox", name="Note among colleagues").fill("Knows the owner")
    page.get_by_role("button", name="Add note").click()
    expect(colleague.locator(".note-bubble")).to_contain_text("Knows the owner")
    expect(page.get_by_label("Reply", exact=True)).to_be_visible()
    page.get_by_label("Add a label").fill("vip")
    page.keyboard.press("Enter")
    expect(page.locator(".labels .label")).to_contain_text("vip")
    expect(colleague.locator(".talk .label")).to_have_text("vip")
    # The same person in two windows is no colleague.
    colleague.evaluate("document.getElementById('typing').dataset.me = 'somebody else'")
    page.get_by_label("Reply", exact=True).press_sequentially("Hi")
    expect(colleague.locator("#typing")).to_contain_text("is answering…")
