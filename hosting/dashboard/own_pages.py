"""Hosting's pages of the navigation, and its settings."""

from django.utils.translation import gettext_noop as _

from accounts.dashboard.navigation import (
    CHANNELS,
    DEVELOPERS,
    INBOX,
    PRIVACY,
    WORKSPACE,
    Page,
    Setting,
    pages,
    settings,
)
from accounts.models import ADMINS, AGENTS, Role

ADMIN_ROLES = frozenset(map(str, ADMINS))
AGENT_ROLES = frozenset(map(str, AGENTS))
READERS = AGENT_ROLES | {str(Role.VIEWER)}
PAGES = (
    Page(
        _("Inbox"), "inbox", "inbox", 100, AGENT_ROLES, words=_("chats, conversations, reply, open")
    ),
    Page(
        _("Customers"), "contacts", "users", 110, AGENT_ROLES, words=_("contacts, people, blocked")
    ),
    Page(
        _("Broadcasts"),
        "broadcasts",
        "megaphone",
        120,
        AGENT_ROLES,
        words=_("campaign, bulk, newsletter, marketing, send to many"),
    ),
    Page(
        _("Messages"),
        "messages",
        "list",
        310,
        entry=_("Billing"),
        entry_icon="wallet",
        words=_("log, failed, delivery, status, price"),
    ),
    Page(
        _("Search messages"),
        "search",
        "search",
        900,
        READERS,
        words=_("find, full text, archive"),
        in_rail=False,
    ),
    Page(
        _("Test phone"),
        "phones",
        "phone",
        910,
        AGENT_ROLES,
        words=_("phone, sandbox, simulated phone, try, test message"),
        in_rail=False,
    ),
    Page(
        _("Opt-outs"),
        "opt_outs",
        "close",
        920,
        AGENT_ROLES,
        words=_("unsubscribed, stop, marketing, consent"),
        in_rail=False,
    ),
    Page(
        _("New broadcast"),
        "new_broadcast",
        "plus",
        930,
        AGENT_ROLES,
        words=_("new campaign, send to many"),
        in_rail=False,
    ),
)
SETTINGS = (
    Setting(
        WORKSPACE,
        _("Name and time zone"),
        "business",
        "building",
        10,
        ADMIN_ROLES,
        _("What the workspace is called, and where its days begin."),
        _("workspace, business, company, name, time zone, timezone"),
    ),
    Setting(
        CHANNELS,
        _("Numbers"),
        "numbers",
        "phone",
        20,
        ADMIN_ROLES,
        _("The numbers that customers write to, and their public profiles."),
        _("number, phone number, profile, sandbox number, display name, phone_number_id"),
    ),
    Setting(
        CHANNELS,
        _("Channels"),
        "upstreams",
        "globe",
        21,
        ADMIN_ROLES,
        _("Connect an account to WhatsApp, or to another Cloud API."),
        _("channel, whatsapp, connect, meta, waba, network, upstream"),
    ),
    Setting(
        CHANNELS,
        _("Message templates"),
        "templates",
        "template",
        22,
        ADMIN_ROLES,
        _("What may be sent when a customer has not written for a day."),
        _("template, hsm, approval, marketing, utility, authentication"),
    ),
    Setting(
        INBOX,
        _("Canned replies and labels"),
        "inbox_settings",
        "reply",
        50,
        AGENT_ROLES,
        _("Texts that are sent often, and labels that sort conversations."),
        _("canned reply, quick reply, shortcut, label, tag, inbox settings"),
    ),
    Setting(
        DEVELOPERS,
        _("Webhooks"),
        "webhooks",
        "hook",
        71,
        ADMIN_ROLES,
        _("Your own systems get messages and statuses as they happen."),
        _("webhook, callback, events, endpoint, app secret, signature"),
    ),
    Setting(
        DEVELOPERS,
        _("API reference"),
        "api_docs",
        "book",
        73,
        ADMIN_ROLES,
        _("Every endpoint of the REST API, with its fields."),
        _("api, documentation, docs, openapi, rest, reference"),
    ),
    Setting(
        PRIVACY,
        _("Data retention"),
        "retention",
        "clock",
        80,
        ADMIN_ROLES,
        _("How long messages are kept, and legal holds."),
        _("retention, keep, delete, purge, legal hold, gdpr, privacy"),
    ),
    Setting(
        PRIVACY,
        _("Import"),
        "imports",
        "upload",
        81,
        ADMIN_ROLES,
        _("Bring in past chats from files."),
        _("import, upload, history, migrate, past chats"),
    ),
    Setting(
        PRIVACY,
        _("Export"),
        "exports",
        "download",
        82,
        ADMIN_ROLES,
        _("All messages as JSON Lines, CSV or pages to read."),
        _("export, download, backup, archive, data"),
    ),
)


def register() -> None:
    """Register all of them."""
    for page in PAGES:
        pages.register(page)
    for setting in SETTINGS:
        settings.register(setting)
