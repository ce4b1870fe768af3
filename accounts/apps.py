"""App configuration of `accounts`."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users, businesses, memberships, plans, API keys."""

    name = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        """Register the home page, the seats limit and parts of the admin."""
        from accounts.admin import businesses, emails
        from accounts.admin_site import base, queues
        from accounts.dashboard import own_pages
        from accounts.plans import usage

        own_pages.register()
        usage.usage_limits.register(usage.SEATS)
        base.front_page_attention.register(businesses.suspended)
        base.front_page_attention.register(emails.of_unknown_result)
        base.front_page_attention.register(queues.items)
        base.business_figures.register(businesses.plan_use)
        base.business_links.register(emails.BUSINESS_LINK)
