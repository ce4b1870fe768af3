"""Teamwork in the inbox: labels, private notes, snoozing, canned replies, typing indicators."""

import uuid

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from accounts.access import BusinessRequest, member_page
from core.errors import ParleyError
from hosting.conversations import teamwork
from hosting.forms.conversations import CannedReplyForm, NoteForm
from hosting.live import publish
from hosting.models import CannedReply, Label
from hosting.search import filters
from hosting.views.inbox import (
    CHAT_ROLES,
    composer_context,
    conversation_of,
    notify_dashboards,
    refreshed_pane,
)

MAX_TYPED = 40


@require_POST
@member_page(*CHAT_ROLES)
def add_label(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """Add a label to a conversation, creating it if new."""
    conversation = conversation_of(request, public_id)
    try:
        teamwork.add_label(conversation=conversation, name=request.POST.get("label", ""))
    except ParleyError as error:
        return refreshed_pane(request, conversation, label_error=error.message)
    notify_dashboards(request, conversation)
    return refreshed_pane(request, conversation)


@require_POST
@member_page(*CHAT_ROLES)
def remove_conversation_label(
    request: BusinessRequest, public_id: uuid.UUID, label_id: int
) -> HttpResponse:
    """Remove a label from a conversation."""
    conversation = conversation_of(request, public_id)
    teamwork.remove_label(conversation=conversation, label_id=label_id)
    notify_dashboards(request, conversation)
    return refreshed_pane(request, conversation)


@require_POST
@member_page(*CHAT_ROLES)
def snooze(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """Snooze a conversation until a time; an empty time wakes it."""
    conversation = conversation_of(request, public_id)
    teamwork.snooze(
        conversation=conversation, until=filters.local_moment(request.POST.get("until"), "until")
    )
    notify_dashboards(request, conversation)
    return refreshed_pane(request, conversation)


@member_page(*CHAT_ROLES)
def note(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """Add a private note."""
    conversation = conversation_of(request, public_id)
    form = NoteForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        teamwork.write_note(
            conversation=conversation, author=request.user, text=form.cleaned_data["text"]
        )
        notify_dashboards(request, conversation)
        return _composer(request, public_id)
    page = "hosting/conversations/_note.html" if request.htmx else "hosting/conversations/note.html"
    status = 422 if form.errors else 200
    return render(
        request, page, composer_context(request, conversation) | {"form": form}, status=status
    )


def _composer(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    conversation = conversation_of(request, public_id)
    if not request.htmx:
        return redirect(f"{conversation.get_absolute_url()}#end")
    response = render(
        request, "hosting/conversations/_composer.html", composer_context(request, conversation)
    )
    response.headers["HX-Trigger"] = "changed"
    return response


@require_POST
@member_page(*CHAT_ROLES)
def remove_note(request: BusinessRequest, public_id: uuid.UUID, note_id: int) -> HttpResponse:
    """Delete the member's own note."""
    conversation = conversation_of(request, public_id)
    teamwork.remove_note(conversation=conversation, note_id=note_id, author=request.user)
    notify_dashboards(request, conversation)
    return refreshed_pane(request, conversation)


@require_GET
@member_page(*CHAT_ROLES)
def canned(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """The canned replies that match what is typed after the slash, as options."""
    conversation = conversation_of(request, public_id)
    found = teamwork.canned_replies(conversation, request.GET.get("q", "")[:MAX_TYPED])
    return render(request, "hosting/conversations/_canned.html", {"replies": found})


@require_POST
@member_page(*CHAT_ROLES)
def typing(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """Show colleagues that somebody is answering."""
    conversation = conversation_of(request, public_id)
    publish.publish_event(
        request.business.pk,
        kind="typing",
        conversation=str(conversation.public_id),
        who=str(request.user),
    )
    return HttpResponse(status=204)


@require_GET
@member_page(*CHAT_ROLES)
def settings(request: BusinessRequest) -> HttpResponse:
    """The business's canned replies and labels."""
    return _settings(request, CannedReplyForm())


@require_POST
@member_page(*CHAT_ROLES)
def save_reply(request: BusinessRequest) -> HttpResponse:
    """Save a canned reply, replacing one of the same shortcut."""
    form = CannedReplyForm(request.POST)
    if not form.is_valid():
        return _settings(request, form, status=422)
    teamwork.save_canned_reply(business_id=request.business.pk, **form.cleaned_data)
    return redirect("inbox_settings")


@require_POST
@member_page(*CHAT_ROLES)
def remove_reply(request: BusinessRequest, reply_id: int) -> HttpResponse:
    """Remove a canned reply."""
    get_object_or_404(CannedReply, business=request.business, pk=reply_id).delete()
    return redirect("inbox_settings")


@require_POST
@member_page(*CHAT_ROLES)
def remove_label(request: BusinessRequest, label_id: int) -> HttpResponse:
    """Delete a label everywhere."""
    get_object_or_404(Label, business=request.business, pk=label_id).delete()
    return redirect("inbox_settings")


def _settings(request: BusinessRequest, form: CannedReplyForm, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "replies": CannedReply.objects.filter(business=request.business),
        "labels": teamwork.labels_with_counts(request.business.pk),
    }
    return render(request, "hosting/conversations/inbox_settings.html", context, status=status)
