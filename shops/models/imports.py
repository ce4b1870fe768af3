"""Imports of product feeds and the problems found in them; an import's row is its place in the
queue.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from core import widths
from core.queue.rows import dead_index, due_index
from hosting.models.transfers import Job
from shops.models.catalogs import Catalog


class CatalogImport(Job):
    """An import of a product feed: checked first, written after the seller confirmed it."""

    class State(models.TextChoices):
        """State of an import."""

        READING = "reading", _("Being read")
        READY = "ready", _("Waits for your go")
        RUNNING = "running", _("Being imported")
        DONE = "done", _("Imported")
        CANCELLED = "cancelled", _("Cancelled")
        FAILED = "failed", _("Failed")

    WORKING: ClassVar = (State.READING, State.RUNNING)
    RELATED: ClassVar = ("business", "catalog", "author")

    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, related_name="catalog_imports", db_index=False
    )
    catalog = models.ForeignKey(Catalog, on_delete=models.CASCADE, related_name="imports")
    filename = models.CharField(max_length=widths.FILENAME)
    state = models.CharField(max_length=10, choices=State.choices, default=State.READING)
    columns = models.JSONField(
        default=list, help_text=_("Columns of the file that are understood.")
    )
    ignored = models.JSONField(default=list, help_text=_("Columns of the file that are not."))
    sample = models.JSONField(default=list, help_text=_("The first good rows."))
    bad = models.PositiveIntegerField(
        default=0, help_text=_("Rows with something wrong, which are left out.")
    )
    known = models.PositiveIntegerField(
        default=0, help_text=_("Good rows of products that are there already.")
    )
    added = models.PositiveIntegerField(default=0, help_text=_("Products that were new."))
    changed = models.PositiveIntegerField(
        default=0, help_text=_("Products that were there and are different now.")
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(
                    state__in=["reading", "ready", "running", "done", "cancelled", "failed"]
                ),
                name="feed_state_known",
            ),
        ]
        indexes: ClassVar = [
            due_index("feed_due", "business", "id", is_open=Q(state__in=["reading", "running"])),
            dead_index("feed_dead", "business"),
        ]

    def __str__(self) -> str:
        return f"import of {self.filename}"

    @property
    def good(self) -> int:
        """Rows that can be imported."""
        return self.total - self.bad

    @property
    def fresh(self) -> int:
        """Good rows of products that do not exist yet."""
        return self.good - self.known

    @property
    def unchanged(self) -> int:
        """Good rows that changed nothing, once the import is done."""
        return max(0, self.good - self.added - self.changed) if self.state == self.State.DONE else 0


class ImportProblem(models.Model):
    """A cell of a feed that is invalid, with the reason; its row is not imported."""

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    job = models.ForeignKey(
        CatalogImport, on_delete=models.CASCADE, related_name="problems", db_index=False
    )
    row = models.PositiveIntegerField(
        help_text=_("Counted as spreadsheets do: the headings are row 1.")
    )
    column = models.CharField(max_length=60)
    value = models.CharField(max_length=120, blank=True)
    reason = models.CharField(max_length=300)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["job", "row", "id"], name="feed_problems")]

    def __str__(self) -> str:
        return f"row {self.row}, {self.column}: {self.reason}"
