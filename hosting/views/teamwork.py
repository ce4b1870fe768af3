"""Teamwork in the inbox: private notes, canned replies, labels, typing indicators."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.access import BusinessRequest, member_page
from accounts.models import AGENTS
from core.errors import ParleyError
from hosting.conversations import teamwork
from hosting.forms.conversations import CannedReplyForm, LabelForm, NoteForm
from hosting.live import publish
from hosting.models import CannedReply, Label
from hosting.views.inbox import (
    CHAT_ROLES,
    composer_context,
    conversation_of,
    notify_dashboards,
    refreshed_pane,
)

MAX_TYPED = 40


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
    agents = request.business.memberships.filter(role__in=AGENTS).select_related("user")
    members = [one.user for one in agents.order_by("id") if one.user_id != request.user.pk]
    context = composer_context(request, conversation) | {"form": form, "members": members}
    return render(request, page, context, status=status)


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
    """The business's canned replies and labels; `?reply=` opens one to be edited."""
    asked = request.GET.get("reply", "")
    own = CannedReply.objects.filter(business=request.business)
    known = own.filter(pk=int(asked)).first() if asked.isdecimal() and len(asked) < 19 else None
    return _settings(request, CannedReplyForm(instance=known))


@require_POST
@member_page(*CHAT_ROLES)
def save_reply(request: BusinessRequest) -> HttpResponse:
    """Save a canned reply: one that was edited, else a new one or one of the same shortcut."""
    asked = request.POST.get("reply", "")
    own = CannedReply.objects.filter(business=request.business)
    known = own.filter(pk=int(asked)).first() if asked.isdecimal() and len(asked) < 19 else None
    form = CannedReplyForm(request.POST, instance=known)
    if not form.is_valid():
        return _settings(request, form, status=422)
    shortcut = form.cleaned_data["shortcut"]
    teamwork.save_canned_reply(business_id=request.business.pk, **form.cleaned_data)
    if known:
        # Saved under another shortcut: the one that was edited goes.
        own.filter(pk=known.pk).exclude(shortcut__iexact=shortcut).delete()
    messages.success(request, _("Saved."))
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


@require_POST
@member_page(*CHAT_ROLES)
def change_label(request: BusinessRequest, label_id: int) -> HttpResponse:
    """Rename and colour a label."""
    label, form = (
        get_object_or_404(Label, business=request.business, pk=label_id),
        LabelForm(request.POST),
    )
    if form.is_valid():
        try:
            teamwork.change_label(label=label, **form.cleaned_data)
            messages.success(request, _("Saved."))
        except ParleyError as error:
            messages.error(request, error.message)
    else:
        messages.error(request, str(next(iter(form.errors.values()))[0]))
    return redirect("inbox_settings")


def _settings(request: BusinessRequest, form: CannedReplyForm, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "replies": CannedReply.objects.filter(business=request.business),
        "labels": teamwork.labels_with_counts(request.business.pk),
        "colours": range(8),
    }
    return render(request, "hosting/conversations/inbox_settings.html", context, status=status)
