"""The simulated phone: reaction, location and contact, a block and its end, a simulated failure."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import PICTURES, Site


def test_a_customer_reacts_sends_a_place_and_a_card_blocks_and_lets_a_message_fail(
    site: Site, page: Page
) -> None:
    PICTURES.mkdir(exist_ok=True)
    phone = site.window(viewport={"width": 390, "height": 844}, color_scheme="dark").new_page()
    phone.goto(f"/phone/{site.simulated_phone.pk}/{site.number.phone_number_id}/")
    phone.get_by_role("textbox", name="Message", exact=True).fill("Hello")
    phone.keyboard.press("Enter")
    page.goto("/inbox/")
    page.locator(".talk", has_text="Zoe Field").click()
    reply(page, "Where are you?")
    expect(phone.locator("#latest")).to_contain_text("Where are you?")

    phone.locator(".entry", has_text="Where are you?").get_by_label("React to this message").click()
    phone.screenshot(path=PICTURES / "phone-reacting-dark-390.png")
    phone.get_by_role("button", name="👍").click()
    expect(phone.locator(".entry", has_text="Where are you?").locator(".reactions")).to_have_text(
        "👍"
    )
    expect(page.locator(".entry", has_text="Where are you?").locator(".reactions")).to_have_text(
        "👍"
    )

    phone.get_by_title("More to send").click()
    phone.screenshot(path=PICTURES / "phone-more-dark-390.png")
    phone.get_by_role("link", name="Location").click()
    phone.get_by_label("Name of the place").fill("Pier 3")
    phone.get_by_role("button", name="Send location").click()
    expect(page.locator("#latest")).to_contain_text("Pier 3")

    phone.get_by_title("More to send").click()
    phone.get_by_role("link", name="Contact card").click()
    card = phone.locator(".simulated_phone")
    card.get_by_label("Name", exact=True).fill("Max Berger")
    card.get_by_label("Phone number").fill("+49 151 2345678")
    phone.get_by_role("button", name="Send contact card").click()
    expect(page.locator("#latest")).to_contain_text("Max Berger")

    phone.get_by_title("Block, or fail on purpose").click()
    phone.get_by_label("The next message to this phone").select_option("131026")
    phone.get_by_role("button", name="Save").click()
    expect(phone.locator(".app-bar")).to_contain_text("The next message fails: 131026")
    reply(page, "This one fails")
    expect(page.locator(".entry", has_text="This one fails").locator(".failure")).to_contain_text(
        "cannot be reached"
    )

    phone.get_by_title("Block, or fail on purpose").click()
    phone.get_by_role("button", name="Block this business").click()
    expect(phone.get_by_text("You blocked this business")).to_be_visible()
    phone.screenshot(path=PICTURES / "phone-blocked-dark-390.png")
    reply(page, "Into the void")
    expect(page.locator(".entry", has_text="Into the void").locator(".ticks")).to_contain_text(
        "Sent"
    )
    phone.get_by_role("button", name="Unblock").click()
    expect(phone.get_by_role("textbox", name="Message", exact=True)).to_be_visible()
    expect(phone.locator("#latest")).not_to_contain_text("Into the void")


def reply(page: Page, text: str) -> None:
    page.get_by_label("Reply", exact=True).fill(text)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".entry", has_text=text)).to_be_visible()
