"""Django's log of operators' actions: what it says about the rows of an erased customer."""

from django.contrib.admin.models import LogEntry
from django.db.models import Model, Q

from hosting.extensions import Person
from hosting.models import (
    Block,
    BroadcastRecipient,
    Contact,
    Conversation,
    FormerNumber,
    Message,
    SimulatedPhone,
)

AdminRows = dict[str, list[str]]  # the keys of rows by the name of their model


def rows_of(person: Person) -> AdminRows:
    """Return the rows of this customer that an operator's log may name; before they are deleted."""
    mine: dict[type[Model], Q] = {
        Contact: Q(pk=person.contact_id),
        Conversation: Q(pk__in=person.conversation_ids),
        Message: Q(conversation__in=person.conversation_ids),
        FormerNumber: Q(contact=person.contact_id),
        Block: Q(wa_id__in=person.numbers),
        SimulatedPhone: Q(wa_id__in=person.numbers),
        BroadcastRecipient: Q(wa_id__in=person.numbers),
    }
    logged = set(
        LogEntry.objects.filter(content_type__app_label="hosting").values_list(
            "content_type__model", flat=True
        )
    )
    return {
        name: [
            str(key)
            for key in model._default_manager.filter(
                which, business_id=person.business_id
            ).values_list("pk", flat=True)
        ]
        for model, which in mine.items()
        if (name := str(model._meta.model_name)) in logged
    }


def redact(rows: AdminRows) -> None:
    """Remove names and numbers from the entries of Django's admin log about these rows."""
    for model, keys in rows.items():
        LogEntry.objects.filter(
            content_type__app_label="hosting", content_type__model=model, object_id__in=keys
        ).update(object_repr="[erased]", change_message="")
