"""Flows: forms of several screens that customers fill in inside the chat."""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from core import widths
from hosting.models.numbers import Account, new_graph_id


class FlowStatus(models.TextChoices):
    """The state of a flow: it is drafted, published, and at last deprecated."""

    DRAFT = "DRAFT", _("Draft")
    PUBLISHED = "PUBLISHED", _("Published")
    DEPRECATED = "DEPRECATED", _("Deprecated")


class Flow(models.Model):
    """A flow of an account with its JSON, as the Cloud API has it."""

    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="flows")
    flow_id = models.CharField(max_length=widths.OBJECT_ID, unique=True, default=new_graph_id)
    name = models.CharField(max_length=widths.FLOW_NAME)
    categories = ArrayField(models.CharField(max_length=widths.CATEGORY))
    status = models.CharField(max_length=10, choices=FlowStatus.choices, default=FlowStatus.DRAFT)
    endpoint_uri = models.CharField(max_length=2048, blank=True)
    source = models.TextField(blank=True, help_text=_("The flow's JSON, as it was uploaded."))
    validation_errors = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "name"], name="flow_name_once"),
            models.CheckConstraint(
                condition=models.Q(status__in=FlowStatus.values), name="flow_status_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def document(self) -> dict[str, Any]:
        """The flow's JSON; {} while there is none that can be read."""
        from hosting.cloudapi.json import MalformedJson, as_dict, read_json

        try:
            return as_dict(read_json(self.source.encode()))
        except MalformedJson:
            return {}
