"""Configuration of the admin: models without a page of their own get a read-only one."""

from django.apps import apps
from django.contrib.admin.apps import AdminConfig

PARLEY_APPS = ("accounts", "hosting", "billing", "shops")


class ParleyAdminConfig(AdminConfig):
    """Django's admin app, with a page for every model of Parley."""

    def ready(self) -> None:
        """Discover the admin modules, then register the models that none of them names."""
        super().ready()
        from allauth.account.decorators import secure_admin_login
        from django.contrib import admin

        from accounts.admin_site.texts import register_the_rest

        # Operators log in where everybody does: with rate limits and a second factor.
        admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

        parley_apps = [
            apps.get_app_config(label) for label in PARLEY_APPS if apps.is_installed(label)
        ]
        register_the_rest(*(model for app in parley_apps for model in app.get_models()))
