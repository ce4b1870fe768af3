"""What members do with conversations: start, resolve, assign, snooze, label, react; one or many."""

import json
import uuid
from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from accounts.access import BusinessRequest, member_page
from core.errors import BadInput, ParleyError
from hosting.conversations import changes
from hosting.conversations.start import start
from hosting.forms.conversations import NewConversationForm
from hosting.models import Conversation, Label, Number, SimulatedPhone, Transport
from hosting.search import filters
from hosting.views.inbox import (
    CHAT_ROLES,
    EMOJI,
    Toast,
    conversation_of,
    notify_dashboards,
    refreshed_pane,
    send,
)

# Conversations that are changed at once, at most.
MOST = 100


@member_page(*CHAT_ROLES)
def new(request: BusinessRequest) -> HttpResponse:
    """Start a conversation with a number or a known customer."""
    asked = request.POST if request.method == "POST" else None
    form = NewConversationForm(
        request.business, asked, initial={"to": request.GET.get("to", "")[:40]}
    )
    if form.is_valid():
        try:
            found = start(
                number=form.cleaned_data["number"], wa_id=form.cleaned_data["to"], by=request.user
            )
        except ParleyError as error:
            form.add_error("to", error.message)
        else:
            return redirect(found)
    status = 422 if form.errors else 200
    return render(
        request, "hosting/conversations/new_conversation.html", {"form": form}, status=status
    )


@require_POST
@member_page(*CHAT_ROLES)
def first_message(request: BusinessRequest) -> HttpResponse:
    """Send the sample template from the sandbox number to the test phone, and open the thread."""
    number = Number.objects.filter(
        business=request.business, transport=Transport.SANDBOX, is_registered=True
    ).first()
    phone = SimulatedPhone.objects.filter(business=request.business).order_by("id").first()
    if number is None or phone is None:
        messages.error(request, _("There is no sandbox number or no test phone: add one first."))
        return redirect("numbers")
    conversation = start(number=number, wa_id=phone.wa_id, by=request.user)
    content = {"name": "hello_world", "language": {"code": "en_US"}}
    try:
        send(request, conversation, kind="template", content=content)
    except ParleyError as error:
        messages.error(request, error.message)
    return redirect(conversation)


@require_POST
@member_page(*CHAT_ROLES)
def resolve(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """Resolve or reopen a conversation; a new message from the customer also reopens it."""
    conversation = conversation_of(request, public_id)
    resolved = request.POST.get("resolved") == "1"
    changes.resolve(conversation=conversation, author=request.user, resolved=resolved)
    notify_dashboards(request, conversation)
    toast = Toast(
        _("Resolved.") if resolved else _("Reopened."),
        request.path,
        {"resolved": "0" if resolved else "1"},
    )
    return refreshed_pane(request, conversation, toast)


@require_POST
@member_page(*CHAT_ROLES)
def assign(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """Assign a conversation to a member, or to nobody."""
    conversation = conversation_of(request, public_id)
    wanted = _number(request.POST.get("assignee"))
    changes.assign(conversation=conversation, author=request.user, user_id=wanted)
    notify_dashboards(request, conversation)
    now = conversation_of(request, public_id).assignee
    text = _("Assigned to %(name)s.") % {"name": now} if now else _("Unassigned.")
    before = str(conversation.assignee_id or "")
    return refreshed_pane(request, conversation, Toast(text, request.path, {"assignee": before}))


@require_POST
@member_page(*CHAT_ROLES)
def snooze(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """Snooze a conversation until a time; an empty time wakes it."""
    conversation = conversation_of(request, public_id)
    until = filters.local_moment(request.POST.get("until"), "until")
    changes.snooze(conversation=conversation, author=request.user, until=until)
    notify_dashboards(request, conversation)
    before = conversation.snoozed_until
    text = (
        _("Snoozed until %(at)s.") % {"at": date_format(localtime(until), "D H:i")}
        if until
        else _("No longer snoozed.")
    )
    values = {"until": before.isoformat() if before else ""}
    return refreshed_pane(request, conversation, Toast(text, request.path, values))


@require_POST
@member_page(*CHAT_ROLES)
def add_label(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """Add a label to a conversation, creating it if new."""
    conversation = conversation_of(request, public_id)
    name = request.POST.get("label", "")
    try:
        label = changes.add_label(conversation=conversation, author=request.user, name=name)
    except ParleyError as error:
        return refreshed_pane(request, conversation, label_error=error.message)
    notify_dashboards(request, conversation)
    undo = reverse("inbox_unlabel", args=[public_id, label.pk])
    text = _("Labelled %(name)s.") % {"name": label}
    return refreshed_pane(request, conversation, Toast(text, undo))


@require_POST
@member_page(*CHAT_ROLES)
def remove_label(request: BusinessRequest, public_id: uuid.UUID, label_id: int) -> HttpResponse:
    """Remove a label from a conversation."""
    conversation = conversation_of(request, public_id)
    name = changes.remove_label(conversation=conversation, author=request.user, label_id=label_id)
    notify_dashboards(request, conversation)
    undo = reverse("inbox_label", args=[public_id])
    text = _("Label %(name)s removed.") % {"name": name}
    toast = Toast(text, undo, {"label": name}) if name else None
    return refreshed_pane(request, conversation, toast)


@require_POST
@member_page(*CHAT_ROLES)
def react(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """React to a customer's message with an emoji; an empty one takes the reaction back."""
    conversation = conversation_of(request, public_id)
    emoji, wamid = request.POST.get("emoji", ""), request.POST.get("message", "")[:256]
    if emoji and emoji not in EMOJI:
        raise BadInput(_("Choose one of the offered reactions."), field="emoji")
    content = {"message_id": wamid, "emoji": emoji}
    try:
        send(request, conversation, kind="reaction", content=content, context_wamid=wamid)
    except ParleyError as error:
        return refreshed_pane(request, conversation, Toast(error.message))
    return refreshed_pane(request, conversation)


@require_POST
@member_page(*CHAT_ROLES)
def change_many(request: BusinessRequest) -> HttpResponse:
    """Resolve, reopen, assign or label up to 100 conversations at once."""
    change = _change(request)
    ids = [one for text in request.POST.get("ids", "").split(",") if (one := _uuid(text))]
    if change is None or not 1 <= len(ids) <= MOST:
        raise BadInput(
            _("Choose 1 to %(max)s conversations and a change.") % {"max": MOST}, field="ids"
        )
    found = Conversation.objects.filter(business=request.business, public_id__in=ids)
    own = list(found.order_by("id").select_related("business"))
    for conversation in own:
        change(conversation)
        notify_dashboards(request, conversation)
    text = ngettext("%(n)s conversation changed.", "%(n)s conversations changed.", len(own)) % {
        "n": len(own)
    }
    if not request.htmx:
        return redirect("inbox")
    events = {"changed": "", "toast": Toast(text).event()}
    return HttpResponse(status=204, headers={"HX-Trigger": json.dumps(events)})


def _change(request: BusinessRequest) -> Callable[[Conversation], object] | None:
    """The change that is asked for, as a function of a conversation; None for an unknown one."""
    wanted, user = request.POST.get("change", ""), request.user
    if wanted in ("resolve", "reopen"):
        return lambda one: changes.resolve(
            conversation=one, author=user, resolved=wanted == "resolve"
        )
    if wanted == "assign":
        member = _number(request.POST.get("assignee"))
        return lambda one: changes.assign(conversation=one, author=user, user_id=member)
    label = Label.objects.filter(
        business=request.business, pk=_number(request.POST.get("label"))
    ).first()
    if wanted == "label" and label:
        return lambda one: changes.add_label(conversation=one, author=user, name=label.name)
    return None


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 19 else 0


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
