"""Subscribing: a URL becomes a webhook once it has answered the challenge."""

import hmac
import secrets
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import ParleyError
from core.http import AddressRefused, FetchFailed, check_url, fetch
from hosting.limits import quota
from hosting.models import Account, Number, Webhook

MAX_WEBHOOKS = 20
MAX_TOKEN = 512


class WebhookRefused(ParleyError):
    """The URL cannot become a webhook; the message says why."""

    code = "webhook_refused"


def challenge(*, url: str, verify_token: str) -> None:
    """Ask the URL to repeat a random number, as the Cloud API does; raises WebhookRefused. Takes up to 10 seconds.

    Call outside transactions.
    """
    if len(verify_token) > MAX_TOKEN:
        raise WebhookRefused(f"verify_token is longer than {MAX_TOKEN} characters.")
    expected = str(secrets.randbelow(10**10) + 10**9)
    query = urlencode(
        {"hub.mode": "subscribe", "hub.challenge": expected, "hub.verify_token": verify_token}
    )
    try:
        check_url(url)
        answer = fetch(f"{url}{'&' if '?' in url else '?'}{query}", max_bytes=1024)
    except AddressRefused as error:
        raise WebhookRefused(f"The callback URL cannot be used: {error}.") from None
    except FetchFailed as error:
        raise WebhookRefused(f"The callback URL did not answer the challenge: {error}.") from None
    if answer.status != 200:
        raise WebhookRefused(
            f"The callback URL answered the challenge with HTTP {answer.status}, not 200."
        )
    if not hmac.compare_digest(answer.body.strip(), expected.encode()):
        raise WebhookRefused(
            "The callback URL answered the challenge with something else than hub.challenge."
        )


def subscribe(
    *,
    account: Account,
    url: str,
    verify_token: str,
    number: Number | None = None,
    fields: list[str] | None = None,
    by_api: bool = False,
) -> Webhook:
    """Make a webhook of a URL that has passed the challenge, within the business's scope.

    One that is there already (same URL; by API: the one set before) is changed instead. Raises WebhookRefused over
    20 webhooks an account, or over the plan's.
    """
    kept = Webhook.objects.kept().filter(account=account, number=number)
    # The account's row is the lock: two requests at once must not both find room.
    Account.objects.select_for_update().get(pk=account.pk)
    same = kept.filter(url=url).first()
    webhook = same or (kept.filter(by_api=True).first() if by_api else None)
    if by_api and same:
        kept.filter(by_api=True).exclude(pk=same.pk).update(by_api=False)
    if webhook is None:
        if Webhook.objects.kept().filter(account=account).count() >= MAX_WEBHOOKS:
            raise WebhookRefused(f"An account has at most {MAX_WEBHOOKS} webhooks.")
        webhook = Webhook(business_id=account.business_id, account=account, number=number)
    webhook.url, webhook.verify_token, webhook.is_active = url, verify_token, True
    webhook.by_api = webhook.by_api or by_api
    webhook.failures, webhook.paused_until, webhook.verified_at = 0, None, timezone.now()
    if fields is not None:
        webhook.fields = fields
    with quota.within_plan(lambda: _too_many(account)):
        webhook.save()
    return webhook


def _too_many(account: Account) -> WebhookRefused:
    plan = Account.objects.select_related("business__plan").get(pk=account.pk).business.plan
    words = _("The %(plan)s plan has %(limit)s webhooks, and all are taken.")
    return WebhookRefused(words % {"plan": plan.name, "limit": plan.webhooks})


def confirm(webhook: Webhook) -> None:
    """Note that a webhook has just answered the challenge again: it is called at once, whatever failed before."""
    Webhook.objects.filter(pk=webhook.pk).update(
        failures=0, paused_until=None, verified_at=timezone.now()
    )


def resume(*, account: Account) -> None:
    """Subscribe without an override: the account's own webhooks are called, the one set by API is removed."""
    kept = Webhook.objects.kept().filter(account=account, number=None)
    for webhook in kept.filter(by_api=True):
        webhook.remove()
    kept.update(is_active=True, failures=0, paused_until=None)


def unsubscribe(*, account: Account) -> None:
    """Call none of the account's webhooks any more; the one set by API is removed."""
    kept = Webhook.objects.kept().filter(account=account)
    for webhook in kept.filter(by_api=True):
        webhook.remove()
    kept.update(is_active=False)


def drop_override(*, number: Number) -> None:
    """Remove the webhook that was set by API for one number."""
    for webhook in Webhook.objects.kept().filter(number=number, by_api=True):
        webhook.remove()
