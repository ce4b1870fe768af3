"""What colleagues do about a conversation: labels, notes, snoozing, canned replies, being seen to
type.
"""

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
from hosting.views.inbox import CHATS, composing, conversation_of, show_again, tell

MAX_TYPED = 40


@require_POST
@member_page(*CHATS)
def put_label(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """Put a label on a conversation, made when it is new."""
    conversation = conversation_of(request, public_id)
    try:
        teamwork.add_label(conversation=conversation, name=request.POST.get("label", ""))
    except ParleyError as error:
        return show_again(request, conversation, label_error=error.message)
    tell(request, conversation)
    return show_again(request, conversation)


@require_POST
@member_page(*CHATS)
def take_label(request: BusinessRequest, public_id: uuid.UUID, label_id: int) -> HttpResponse:
    """Take a label off a conversation."""
    conversation = conversation_of(request, public_id)
    teamwork.remove_label(conversation=conversation, label_id=label_id)
    tell(request, conversation)
    return show_again(request, conversation)


@require_POST
@member_page(*CHATS)
def snooze(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """Put a conversation off until a time, or with an empty one take it back."""
    conversation = conversation_of(request, public_id)
    teamwork.snooze(
        conversation=conversation, until=filters.local_moment(request.POST.get("until"), "until")
    )
    tell(request, conversation)
    return show_again(request, conversation)


@member_page(*CHATS)
def note(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """Write a remark that only colleagues see."""
    conversation = conversation_of(request, public_id)
    form = NoteForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        teamwork.write_note(
            conversation=conversation, author=request.user, text=form.cleaned_data["text"]
        )
        tell(request, conversation)
        return _composer(request, public_id)
    page = "hosting/_note.html" if request.htmx else "hosting/note.html"  # type: ignore[attr-defined]
    status = 422 if form.errors else 200
    return render(request, page, composing(request, conversation) | {"form": form}, status=status)


def _composer(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    conversation = conversation_of(request, public_id)
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect(f"{conversation.get_absolute_url()}#end")
    response = render(request, "hosting/_composer.html", composing(request, conversation))
    response.headers["HX-Trigger"] = "changed"
    return response


@require_POST
@member_page(*CHATS)
def remove_note(request: BusinessRequest, public_id: uuid.UUID, note_id: int) -> HttpResponse:
    """Remove an own remark."""
    conversation = conversation_of(request, public_id)
    teamwork.remove_note(conversation=conversation, note_id=note_id, author=request.user)
    tell(request, conversation)
    return show_again(request, conversation)


@require_GET
@member_page(*CHATS)
def canned(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """The canned replies that fit what is typed after the slash, as options."""
    conversation = conversation_of(request, public_id)
    found = teamwork.canned_replies(conversation, request.GET.get("q", "")[:MAX_TYPED])
    return render(request, "hosting/_canned.html", {"replies": found})


@require_POST
@member_page(*CHATS)
def typing(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """Let colleagues see that somebody is answering."""
    conversation = conversation_of(request, public_id)
    publish.publish_event(
        request.business.pk,
        kind="typing",
        conversation=str(conversation.public_id),
        who=str(request.user),
    )
    return HttpResponse(status=204)


@require_GET
@member_page(*CHATS)
def settings(request: BusinessRequest) -> HttpResponse:
    """The business's canned replies and labels."""
    return _settings(request, CannedReplyForm())


@require_POST
@member_page(*CHATS)
def add_reply(request: BusinessRequest) -> HttpResponse:
    """Keep a canned reply, or write the one of that shortcut anew."""
    form = CannedReplyForm(request.POST)
    if not form.is_valid():
        return _settings(request, form, status=422)
    teamwork.save_canned_reply(business_id=request.business.pk, **form.cleaned_data)
    return redirect("inbox_settings")


@require_POST
@member_page(*CHATS)
def remove_reply(request: BusinessRequest, reply_id: int) -> HttpResponse:
    """Remove a canned reply."""
    get_object_or_404(CannedReply, business=request.business, pk=reply_id).delete()
    return redirect("inbox_settings")


@require_POST
@member_page(*CHATS)
def remove_label(request: BusinessRequest, label_id: int) -> HttpResponse:
    """Remove a label from everywhere."""
    get_object_or_404(Label, business=request.business, pk=label_id).delete()
    return redirect("inbox_settings")


def _settings(request: BusinessRequest, form: CannedReplyForm, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "replies": CannedReply.objects.filter(business=request.business),
        "labels": teamwork.labels_with_counts(request.business.pk),
    }
    return render(request, "hosting/inbox_settings.html", context, status=status)
