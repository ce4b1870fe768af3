"""The admin's wiring: after every app has registered its pages, the models that none named get a plain one."""

from django.apps import apps
from django.contrib.admin.apps import AdminConfig

OURS = ("accounts", "hosting", "billing", "shops")


class ParleyAdminConfig(AdminConfig):
    """Django's admin app, which leaves no model of ours out."""

    def ready(self) -> None:
        """Discover every `admin.py`, then fill the gaps."""
        super().ready()
        from accounts.admin_site.base import register_the_rest

        ours = [apps.get_app_config(label) for label in OURS if apps.is_installed(label)]
        register_the_rest(*(model for app in ours for model in app.get_models()))
