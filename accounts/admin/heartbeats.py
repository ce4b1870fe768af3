"""Admin of the workers' heartbeats."""

from django.contrib import admin

from accounts.admin_site.base import ReadOnlyAdmin
from core.models import Heartbeat


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    """Heartbeats of workers."""

    list_display = ("name", "beat_at")
