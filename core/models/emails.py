"""Mails: each is a row, written in the transaction of what it is about."""

from typing import ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.encryption import EncryptedTextField
from core.queue.rows import QueueRow, dead_index, due_index


class EmailQuerySet(models.QuerySet["Email"]):
    """Sets of mails."""

    def failed(self) -> Self:
        """Dead letters, and those of which nobody knows whether they were sent."""
        return self.filter(state__in=[Email.State.DEAD, Email.State.UNKNOWN])

    def businesses_without_notice(self, *, kind: str, key_prefix: str) -> list[int]:
        """Ids of businesses to which no mail of this kind was handed over since one that was not.

        What such a notice announces must not happen to them. Call across businesses.
        """
        later = Email.objects.filter(
            business=OuterRef("business"),
            kind=kind,
            state=Email.State.SENT,
            created_at__gte=OuterRef("created_at"),
        )
        pending = self.filter(~Exists(later), kind=kind, key__startswith=key_prefix)
        pending = pending.exclude(state=Email.State.SENT).exclude(business=None)
        return sorted(set(pending.values_list("business_id", flat=True)))


class Email(QueueRow):
    """A mail to one recipient, sent once; `kind` and `key` say for which occasion it was
    written.
    """

    class State(models.TextChoices):
        """Unknown: the worker or the connection ended while the mail was being handed over."""

        WAITING = "waiting", _("Waiting")
        SENDING = "sending", _("Sending")
        SENT = "sent", _("Sent")
        UNKNOWN = "unknown", _("Result unknown")
        DEAD = "dead", _("Could not be sent")

    business = models.ForeignKey(
        "accounts.Business",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="emails",
        help_text=_("Empty: about a login, such as sign-up and passwords."),
    )
    kind = models.CharField(max_length=60)
    key = models.CharField(max_length=120, help_text=_("The occasion; of each kind one mail."))
    recipient = models.EmailField()
    subject = models.CharField(max_length=200)
    text = EncryptedTextField(blank=True)
    html = EncryptedTextField(blank=True)
    attachments = ArrayField(
        models.CharField(max_length=120),
        default=list,
        blank=True,
        help_text=_("Source and reference; the files are made as the mail is sent."),
    )
    is_private = models.BooleanField(
        default=False, help_text=_("Holds a code or a link that logs in: deleted once it is sent.")
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    # Not generated: a generated column is no part of a replica identity.
    share = models.BigIntegerField(
        default=0, help_text=_("Whose share of the outbox it takes: the business, or 0.")
    )
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When the mail server took it.")
    )

    objects = EmailQuerySet.as_manager()

    class Meta:
        verbose_name = _("e-mail")
        verbose_name_plural = _("email outbox")
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind", "key", "recipient"], name="one_mail_per_occasion_and_recipient"
            ),
            models.CheckConstraint(
                condition=Q(business=None, share=0) | Q(share=F("business")),
                name="mail_takes_its_business_share",
            ),
            models.CheckConstraint(
                condition=Q(state="sent", sent_at__isnull=False)
                | (~Q(state="sent") & Q(sent_at=None)),
                name="sent_mail_has_its_time",
            ),
        ]
        indexes: ClassVar = [
            due_index("outbox_due", "share", "id", is_open=Q(state="waiting")),
            dead_index("outbox_dead", "id"),
            models.Index(fields=["kind"], condition=~Q(state="sent"), name="outbox_not_sent"),
        ]

    def __str__(self) -> str:
        return self.subject
