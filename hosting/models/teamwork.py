"""Labels, private notes and canned replies, which customers never see."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from core import widths
from hosting.models.conversations import Conversation


class Label(models.Model):
    """A business's own label for conversations."""

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="labels", db_index=False
    )
    name = models.CharField(max_length=40)
    colour = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text=_("0 to 7; empty: by the name.")
    )
    conversations = models.ManyToManyField(
        Conversation, through="ConversationLabel", related_name="labels"
    )

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint("business", Lower("name"), name="label_once_per_business"),
            models.CheckConstraint(condition=~models.Q(name=""), name="label_has_a_name"),
            models.CheckConstraint(
                condition=models.Q(colour=None) | models.Q(colour__lte=7), name="label_colour_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ConversationLabel(models.Model):
    """A label on a conversation; the database checks that both belong to one business."""

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    label = models.ForeignKey(Label, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["conversation", "label"], name="label_once_per_conversation"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} on {self.conversation_id}"


class Note(models.Model):
    """A private note, shown in the thread at its time."""

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="notes", db_index=False
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    text = models.CharField(max_length=4096)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["conversation", "created_at"], name="note_in_thread")
        ]

    def __str__(self) -> str:
        return f"note {self.pk}"


class Mention(models.Model):
    """A member who is named in a private note, until they have seen it."""

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="mentions", db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["conversation", "user"], name="mentioned_once_until_seen"
            )
        ]

    def __str__(self) -> str:
        return f"mention {self.pk}"


class Activity(models.Model):
    """What a member did with a conversation, shown in its thread at its time; never changed."""

    class Kind(models.TextChoices):
        """The kinds of activity."""

        ASSIGNED = "assigned", _("assigned")
        UNASSIGNED = "unassigned", _("unassigned")
        RESOLVED = "resolved", _("resolved")
        REOPENED = "reopened", _("reopened")
        SNOOZED = "snoozed", _("snoozed")
        WOKEN = "woken", _("no longer snoozed")
        LABELLED = "labelled", _("labelled")
        UNLABELLED = "unlabelled", _("label removed")

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="activities", db_index=False
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text=_("Empty for programs."),
    )
    kind = models.CharField(max_length=12, choices=Kind.choices)
    subject = models.CharField(
        max_length=widths.PERSON_NAME, blank=True, help_text=_("The assignee's or label's name.")
    )
    until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "activities"
        indexes: ClassVar = [
            models.Index(fields=["conversation", "created_at"], name="activity_in_thread")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class CannedReply(models.Model):
    """A reply found by its shortcut; `{name}` is replaced with the customer's name."""

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="canned_replies", db_index=False
    )
    shortcut = models.CharField(
        max_length=32,
        verbose_name=_("Shortcut"),
        help_text=_("One word; typed after a slash: /hours"),
    )
    text = models.CharField(
        max_length=4096, verbose_name=_("Text"), help_text=_("{name} becomes the customer's name.")
    )

    class Meta:
        ordering: ClassVar = ["shortcut"]
        verbose_name_plural = "canned replies"
        constraints: ClassVar = [
            models.UniqueConstraint(
                "business", Lower("shortcut"), name="canned_reply_once_per_business"
            ),
        ]

    def __str__(self) -> str:
        return f"/{self.shortcut}"
