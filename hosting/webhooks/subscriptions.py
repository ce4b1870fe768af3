"""Webhook subscriptions: a URL is subscribed once it has answered the challenge."""

import hmac
import secrets
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.translation import gettext as _

from core import outbound
from core.errors import ParleyError
from core.http import AddressRefused, FetchFailed, check_url, fetch
from hosting import quota
from hosting.models import Account, Number, Webhook

MAX_WEBHOOKS = 20
MAX_TOKEN = 512


class WebhookRefused(ParleyError):
    """The URL cannot be subscribed; the message says why."""

    code = "webhook_refused"


def challenge(*, url: str, verify_token: str, business_id: int) -> None:
    """Send the Cloud API's challenge to a URL; raise WebhookRefused unless it is answered in time.

    Inside of a web request that is 2 seconds, in one of the business's slots: TooManyOutbound
    where it has none left.
    """
    if len(verify_token) > MAX_TOKEN:
        raise WebhookRefused(f"verify_token is longer than {MAX_TOKEN} characters.")
    expected = str(secrets.randbelow(10**10) + 10**9)
    query = urlencode(
        {"hub.mode": "subscribe", "hub.challenge": expected, "hub.verify_token": verify_token}
    )
    try:
        check_url(url)
        with outbound.slot(business_id):
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
    """Create the webhook of a URL that passed the challenge; call inside the business's scope.

    An existing one (same URL, or by API the one set before) is changed instead. Raises
    WebhookRefused beyond 20 webhooks an account or the plan's limit.
    """
    kept = Webhook.objects.kept().filter(account=account, number=number)
    # Locks the account, so that two requests cannot both pass the limit.
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
    return WebhookRefused(words % {"plan": plan.name, "limit": plan.max_webhooks})


def mark_verified(webhook: Webhook) -> None:
    """Record that a webhook answered the challenge again, and clear its failures and pause."""
    Webhook.objects.filter(pk=webhook.pk).update(
        failures=0, paused_until=None, verified_at=timezone.now()
    )


def resubscribe(*, account: Account) -> None:
    """Activate the account's own webhooks and remove the one set by API."""
    kept = Webhook.objects.kept().filter(account=account, number=None)
    for webhook in kept.filter(by_api=True):
        webhook.remove()
    kept.update(is_active=True, failures=0, paused_until=None)


def unsubscribe(*, account: Account) -> None:
    """Deactivate all webhooks of the account and remove the one set by API."""
    kept = Webhook.objects.kept().filter(account=account)
    for webhook in kept.filter(by_api=True):
        webhook.remove()
    kept.update(is_active=False)


def remove_override(*, number: Number) -> None:
    """Remove the webhook that was set by API for one number."""
    for webhook in Webhook.objects.kept().filter(number=number, by_api=True):
        webhook.remove()
