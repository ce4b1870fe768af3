"""Contacts (customers) and conversations (one contact on one number)."""

import re
import uuid
from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from core import widths
from hosting.cloudapi.number_forms import OLD_FORMS, one_form
from hosting.models.numbers import Number

CUSTOMER_SERVICE_WINDOW = timedelta(hours=24)
# A rate card says for how many hours messages are free in such a window, up to this.
MAX_FREE_ENTRY = timedelta(days=7)


class ContactQuerySet(models.QuerySet["Contact"]):
    """Sets of contacts."""

    def called(self, words: str) -> Self:
        """Return contacts whose number begins with these digits, or whose names have all words."""
        digits = re.sub(r"[\s+().-]", "", words)
        if digits.isdecimal():
            return self.filter(Q(wa_id__startswith=digits) | Q(wa_id=one_form(digits)))
        found = self
        for word in words.split()[:5]:
            found = found.filter(Q(name__icontains=word) | Q(alias__icontains=word))
        return found


class Contact(models.Model):
    """A customer of one business, known by WhatsApp id (digits), user id, or both."""

    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, related_name="contacts", db_index=False
    )
    wa_id = models.CharField(
        max_length=widths.PERSON_ID,
        help_text=_("Digits of the phone number, without the plus sign, in their one form."),
    )
    network_wa_id = models.CharField(
        max_length=widths.PERSON_ID,
        blank=True,
        db_default="",
        help_text=_("The digits as the network writes them, where that is another form."),
    )
    user_id = models.CharField(
        max_length=widths.PERSON_ID,
        blank=True,
        help_text=_("Business-scoped user id, such as US.1349…"),
    )
    name = models.CharField(
        max_length=widths.PERSON_NAME,
        blank=True,
        help_text=_("What the customer calls themselves."),
    )
    username = models.CharField(
        max_length=widths.USERNAME,
        blank=True,
        db_default="",
        help_text=_("The name they chose to be found by, such as @ann."),
    )
    alias = models.CharField(
        max_length=widths.PERSON_NAME,
        blank=True,
        db_default="",
        help_text=_("What the business calls them; shown in its place."),
    )
    held_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text=_("Legal hold: nothing of this customer is deleted while it is set."),
    )
    opted_out_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text=_("Since when the customer wants no marketing; broadcasts keep to it."),
    )
    created_at = models.DateTimeField(default=timezone.now)

    objects = ContactQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["business", "wa_id"], name="contact_once_per_business"),
            models.CheckConstraint(
                condition=~Q(wa_id__regex=OLD_FORMS), name="contact_number_in_its_one_form"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["business", "user_id"], name="contact_user_id")]

    def __str__(self) -> str:
        return self.alias or self.name or self.shown_id

    @property
    def shown_id(self) -> str:
        """The number with its plus sign, or the user id; of a group the end of its id."""
        if self.wa_id.isdecimal():
            return f"+{self.wa_id}"
        return _("Group %(id)s") % {"id": self.wa_id[-6:]} if self.is_group else self.wa_id

    @property
    def is_group(self) -> bool:
        """Whether it is a group, which is read here and not written to."""
        return not self.wa_id.isdecimal() and "." not in self.wa_id


class FormerNumber(models.Model):
    """A contact's number before it changed; messages from it before then belong to the contact.

    Without `changed_at` it belongs to the contact still: the number of a contact merged into this
    one.
    """

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    wa_id = models.CharField(max_length=widths.PERSON_ID)
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="former_numbers")
    changed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["business", "wa_id", "changed_at"], name="number_left_once"
            ),
            models.UniqueConstraint(
                fields=["business", "wa_id"],
                condition=Q(changed_at=None),
                name="second_number_of_one_contact",
            ),
        ]

    def __str__(self) -> str:
        return f"+{self.wa_id}" + (f" until {self.changed_at:%Y-%m-%d}" if self.changed_at else "")


class Block(models.Model):
    """A customer whom a number neither receives messages from nor sends to."""

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    number = models.ForeignKey(Number, on_delete=models.CASCADE, related_name="blocks")
    wa_id = models.CharField(max_length=widths.PERSON_ID)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["number", "wa_id"], name="blocked_once_per_number"),
        ]

    def __str__(self) -> str:
        return f"+{self.wa_id} blocked by {self.number}"


class ConversationQuerySet(models.QuerySet["Conversation"]):
    """Sets of conversations."""

    def newest_first(self) -> Self:
        """Order by last message, newest first; ties by id, so that paging is stable."""
        return self.order_by("-last_message_at", "-id")


def window_end(last_inbound_at: datetime | None) -> datetime | None:
    """When the 24-hour customer service window closes; None where it never opened."""
    return last_inbound_at + CUSTOMER_SERVICE_WINDOW if last_inbound_at else None


def window_open(last_inbound_at: datetime | None, *, at: datetime) -> bool:
    """Whether free-form messages may be sent at that time."""
    end = window_end(last_inbound_at)
    return end is not None and at < end


def free_entry(came: datetime | None, opened: datetime | None, *, at: datetime) -> datetime | None:
    """When the free-entry window opened that a message accepted at that moment is in: perhaps
    then, by itself. `came` is when the customer came by an ad, `opened` when a window opened.
    """
    if came and came <= at < came + CUSTOMER_SERVICE_WINDOW and (opened is None or opened < came):
        return at
    return opened if opened and at < opened + MAX_FREE_ENTRY else None


class Conversation(models.Model):
    """The conversation with one contact on one number."""

    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, related_name="conversations", db_index=False
    )
    number = models.ForeignKey(
        Number, on_delete=models.PROTECT, related_name="conversations", db_index=False
    )
    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="conversations")
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    last_message_at = models.DateTimeField(default=timezone.now)
    last_message_text = models.CharField(max_length=120, blank=True)
    last_inbound_at = models.DateTimeField(null=True, blank=True)
    is_window_proven = models.BooleanField(
        default=True,
        db_default=True,
        help_text=_(
            "Whether what opened the 24-hour window came from a source that the business cannot "
            "sign: only then do prices of templates count it as open."
        ),
    )
    referred_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text=_("When the customer last came by an ad or a page's button."),
    )
    free_entry_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text=_("When the last free-entry window opened: at our reply to such a message."),
    )
    unread_count = models.PositiveIntegerField(default=0)
    is_resolved = models.BooleanField(default=False)
    snoozed_until = models.DateTimeField(
        null=True,
        blank=True,
        help_text=_("Out of the open views until then, or until the customer writes."),
    )
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    objects = ConversationQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["number", "contact"], name="one_conversation_per_number_and_contact"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["business", "-last_message_at", "-id"], name="conversation_inbox"),
        ]

    def __str__(self) -> str:
        return f"{self.contact} with {self.number}"

    def get_absolute_url(self) -> str:
        """Return the thread's page in the dashboard."""
        from django.urls import reverse

        return reverse("inbox_thread", args=[self.public_id])

    @property
    def window_until(self) -> datetime | None:
        """When the 24-hour customer service window closes; None if it never opened."""
        return window_end(self.last_inbound_at)

    def window_open(self, *, at: datetime) -> bool:
        """Return whether free-form messages may be sent at that time."""
        return window_open(self.last_inbound_at, at=at)

    def window_proven(self, *, at: datetime) -> bool:
        """Return whether prices of templates count the window as open at that time."""
        return self.is_window_proven and self.window_open(at=at)

    def free_entry(self, *, at: datetime) -> datetime | None:
        """When the free-entry window opened that a message accepted at that moment is in: perhaps
        then, by itself.
        """
        return free_entry(self.referred_at, self.free_entry_at, at=at)


def preview(kind: str, text: str) -> str:
    """Return one line for the conversation list: the text, or the kind in brackets."""
    return (text or f"[{kind}]").replace("\n", " ")[:120]
