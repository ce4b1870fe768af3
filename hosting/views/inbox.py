"""The inbox: conversations, and the open thread with its actions."""

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.views.decorators.http import require_GET, require_POST

from accounts.access import BusinessRequest, member_page
from accounts.models import AGENTS
from accounts.plans import limits
from core.errors import ParleyError
from core.wake import notify
from hosting import extensions, tasks
from hosting.conversations import inbox as conversations_inbox
from hosting.conversations import teamwork
from hosting.conversations import thread as threads
from hosting.conversations.teamwork import snooze_times
from hosting.forms.conversations import ReplyForm, TemplateForm
from hosting.live import publish
from hosting.media.store import store_attachment
from hosting.messages.read_receipts import mark_conversation_read
from hosting.messages.send import send_message
from hosting.models import Conversation, Direction, Message, Template, Transport
from hosting.search import filters, query

CHAT_ROLES = AGENTS
# What agents react with.
EMOJI = ("👍", "❤️", "😂", "😮", "😢", "🙏")
# The cookie of who wants Enter to send; others use Ctrl-Enter.
ENTER_SENDS = "enter_sends"
VIEW_NAMES = {
    "open": _lazy("Open"),
    "mine": _lazy("Mine"),
    "unassigned": _lazy("Unassigned"),
    "snoozed": _lazy("Snoozed"),
    "resolved": _lazy("Resolved"),
    "mentioned": _lazy("Mentions"),
    "locked": _lazy("Locked"),
}


@require_GET
@member_page(*CHAT_ROLES)
def inbox(request: BusinessRequest) -> HttpResponse:
    """The conversation list without an open thread."""
    return render(request, "hosting/conversations/inbox.html", _list(request))


@require_GET
@member_page(*CHAT_ROLES)
def rows(request: BusinessRequest) -> HttpResponse:
    """Rows of the list: reloaded after a change, or the next page."""
    return render(
        request,
        "hosting/conversations/_rows.html",
        _list(request, current=request.GET.get("current", ""))
        | {"with_views": request.htmx and not request.GET.get("before_row")},
    )


@require_GET
@member_page(*CHAT_ROLES)
def thread(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """One thread; opening it marks it as read."""
    conversation = conversation_of(request, public_id)
    if day := request.GET.get("on"):
        at = threads.first_id_since(
            _messages(conversation), filters.moment(day, "on") or conversation.created_at
        )
        return redirect(f"{conversation.get_absolute_url()}?at={at}#m{at}")
    before, at = _number(request.GET.get("before")), _number(request.GET.get("at"))
    context = _open(request, conversation, before=before, at=at)
    if request.htmx:
        response = render(request, "hosting/conversations/_pane.html", context)
        if conversation.unread_count:
            # The list still shows the unread count that was cleared now.
            response.headers["HX-Trigger-After-Settle"] = "news"
        return response
    return render(
        request,
        "hosting/conversations/inbox.html",
        context | _list(request, current=str(public_id)),
    )


@require_GET
@member_page(*CHAT_ROLES)
def thread_messages(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """Messages only: those above `before`, below `after`, or all from `since` on."""
    conversation = conversation_of(request, public_id)
    context = composer_context(request, conversation)
    if before := _number(request.GET.get("before")):
        page = threads.latest_page(_messages(conversation), own=Direction.OUT, before=before)
        return _messages_response(request, "hosting/conversations/_older.html", context, page)
    if after := _number(request.GET.get("after")):
        page = threads.page_after(_messages(conversation), own=Direction.OUT, after=after)
        return _messages_response(request, "hosting/conversations/_newer.html", context, page)
    page = threads.page_since(
        _messages(conversation), own=Direction.OUT, since=_number(request.GET.get("since"))
    )
    _mark_seen(request, conversation)
    return _messages_response(request, "hosting/conversations/_entries.html", context, page)


def _messages_response(
    request: BusinessRequest,
    template: str,
    context: dict[str, Any],
    page: threads.ThreadPage,
) -> HttpResponse:
    page = threads.with_private_notes(page, context["conversation"])
    return render(request, template, context | {"page": page})


@require_POST
@member_page(*CHAT_ROLES)
def reply(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """Send a text or file; after a refusal the draft is kept and the error shown."""
    conversation = conversation_of(request, public_id)
    form = ReplyForm(request.POST, request.FILES)
    if not form.is_valid():
        return _composer(
            request, conversation, error=_first_error(form), draft=request.POST.get("text", "")
        )
    text = form.cleaned_data["text"]
    try:
        kind, content = "text", {"body": text}
        if file := form.cleaned_data["file"]:
            limits.check_uploads(request.business)
            kind, content = store_attachment(business=request.business, file=file, caption=text)
        send(
            request,
            conversation,
            kind=kind,
            content=content,
            context_wamid=form.cleaned_data["context"],
        )
    except ParleyError as error:
        return _composer(request, conversation, error=error.message, draft=text)
    return _composer(request, conversation)


@member_page(*CHAT_ROLES)
def templates(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """Choose a template, fill in its variables, preview and send it."""
    conversation = conversation_of(request, public_id)
    wanted = _number((request.POST or request.GET).get("template"))
    offered, quotes = (
        threads.templates_for(conversation),
        extensions.quotes_for(conversation),
    )
    context: dict[str, Any] = {
        "conversation": conversation,
        "templates": [(one, quotes.get(one.category)) for one in offered],
    }
    template = next((found for found in offered if found.pk == wanted), None)
    if template:
        form = TemplateForm(template, request.POST if request.method == "POST" else None)
        context |= {"template": template, "form": form, "quote": quotes.get(template.category)}
        if request.method == "POST" and form.is_valid():
            return _send_template(request, conversation, template, form, context)
    page = (
        "hosting/message_templates/_templates.html"
        if request.htmx
        else "hosting/message_templates/templates.html"
    )
    return render(request, page, context)


def _send_template(
    request: BusinessRequest,
    conversation: Conversation,
    template: Template,
    form: TemplateForm,
    context: dict[str, Any],
) -> HttpResponse:
    try:
        send(
            request,
            conversation,
            kind="template",
            content=threads.template_content(template, form.values()),
        )
    except ParleyError as error:
        page = (
            "hosting/message_templates/_templates.html"
            if request.htmx
            else "hosting/message_templates/templates.html"
        )
        return render(request, page, context | {"error": error.message})
    return _composer(request, conversation)


def _list(request: BusinessRequest, current: str = "") -> dict[str, Any]:
    view = request.GET.get("view", "open")
    choices = _choices(request)
    filters = _filters(request, choices)
    found = conversations_inbox.matching(
        request.business, view=view, filters=filters, user=request.user
    )
    return {
        "list": conversations_inbox.list_page(found, before=request.GET.get("before_row", "")),
        "views": [
            (name, words, choices.counts[name])
            for name, words in VIEW_NAMES.items()
            if name not in conversations_inbox.SHOWN_WITH_SOME
            or choices.counts[name]
            or name == view
        ],
        "choices": choices,
        "counts": choices.counts,
        "view": view if view in conversations_inbox.VIEWS else "open",
        "words": filters.words,
        "filters": filters,
        "current": current,
        "now": request.business.now(),
    }


def _choices(request: BusinessRequest) -> conversations_inbox.FilterChoices:
    """Return the filter choices, read once a request for list and thread."""
    known: conversations_inbox.FilterChoices | None = getattr(request, "choices", None)
    if known is None:
        # A pane alone shows no views: nothing is counted for it.
        alone = request.htmx and request.path != reverse("inbox_rows")
        known = conversations_inbox.filter_choices(
            request.business, reader=None if alone else request.user
        )
        request.choices = known  # type: ignore[attr-defined]
    return known


def _filters(
    request: BusinessRequest, choices: conversations_inbox.FilterChoices
) -> conversations_inbox.ConversationFilters:
    """Return the filters of the query string; unknown values filter nothing."""
    label, assignee = _number(request.GET.get("label")), _number(request.GET.get("assignee"))
    wanted = request.GET.get("number", "")
    return conversations_inbox.ConversationFilters(
        words=request.GET.get("q", "").strip()[:100],
        label=label if any(one.pk == label for one in choices.labels) else 0,
        number=next((one for one in choices.numbers if one.phone_number_id == wanted), None),
        assignee=assignee if any(one.pk == assignee for one in choices.members) else 0,
    )


def _open(
    request: BusinessRequest, conversation: Conversation, before: int = 0, at: int = 0
) -> dict[str, Any]:
    _mark_seen(request, conversation)
    if request.membership.pk and getattr(conversation, "is_mentioned", False):
        teamwork.seen(conversation=conversation, user=request.user)
    found = _messages(conversation)
    page = (
        threads.page_around(found, own=Direction.OUT, at=at)
        if at and not before
        else threads.latest_page(found, own=Direction.OUT, before=before)
    )
    return {
        "conversation": conversation,
        "page": threads.with_private_notes(page, conversation),
        "choices": _choices(request),
        "snooze_times": snooze_times(request.business.now()),
        "marks": query.patterns_of(query.terms_of(request.GET.get("mark", ""))),
    } | composer_context(request, conversation)


def _mark_seen(request: BusinessRequest, conversation: Conversation) -> None:
    # Operators who look at a conversation leave it unread for the team.
    if request.membership.pk is None:
        return
    mark_conversation_read(conversation)
    if conversation.unread_count and conversation.number.transport == Transport.CLOUDAPI:
        notify(tasks.deliver)


def composer_context(request: BusinessRequest, conversation: Conversation) -> dict[str, Any]:
    """Return the composer's variables: conversation, time, window state, tools of other apps."""
    now = request.business.now()
    window_open = conversation.window_open(at=now)
    return {
        "conversation": conversation,
        "now": now,
        "window_open": window_open,
        "reactions": EMOJI,
        "tools": extensions.composer_tools,
        "enter_sends": request.COOKIES.get(ENTER_SENDS) == "1",
    }


def _composer(
    request: BusinessRequest, conversation: Conversation, error: str = "", draft: str = ""
) -> HttpResponse:
    if request.htmx:
        context = composer_context(request, conversation) | {"error": error, "draft": draft}
        response = render(request, "hosting/conversations/_composer.html", context)
        if not error:
            response.headers["HX-Trigger"] = "changed"
        return response
    if not error:
        return redirect(f"{conversation.get_absolute_url()}#end")
    context = _open(request, conversation) | _list(request, current=str(conversation.public_id))
    return render(
        request,
        "hosting/conversations/inbox.html",
        context | {"error": error, "draft": draft},
        status=422,
    )


@dataclass(frozen=True)
class Toast:
    """What a change says, and the request that undoes it: an address and its form values."""

    text: str
    undo: str = ""
    values: dict[str, str] = field(default_factory=dict)

    def event(self) -> dict[str, Any]:
        """The event for the page's script."""
        undo = {"url": self.undo, "values": self.values, "label": _("Undo")} if self.undo else None
        return {"text": self.text, "undo": undo}


def refreshed_pane(
    request: BusinessRequest, conversation: Conversation, toast: Toast | None = None, **more: str
) -> HttpResponse:
    """Return the thread pane after a change, with what the change says; without htmx, redirect to
    the page.
    """
    if request.htmx:
        response = render(
            request,
            "hosting/conversations/_pane.html",
            _open(request, conversation_of(request, conversation.public_id)) | more,
        )
        events: dict[str, Any] = {"changed": ""}
        if toast:
            events["toast"] = toast.event()
        response.headers["HX-Trigger"] = json.dumps(events)
        return response
    return redirect(conversation.get_absolute_url())


def send(request: BusinessRequest, conversation: Conversation, **what: Any) -> None:
    """Send a message of the member's; raises what `send_message` raises."""
    with transaction.atomic():
        send_message(
            business=request.business,
            number=conversation.number,
            to=conversation.contact.wa_id,
            author=request.user,
            **what,
        )
    notify(tasks.deliver)
    notify_dashboards(request, conversation)


def notify_dashboards(request: BusinessRequest, conversation: Conversation) -> None:
    """Publish an event for the business's open dashboards after commit."""
    public_id = str(conversation.public_id)
    transaction.on_commit(
        lambda: publish.publish_event(request.business.pk, kind="message", conversation=public_id),
        robust=True,
    )


def conversation_of(request: BusinessRequest, public_id: uuid.UUID) -> Conversation:
    """Return the business's conversation of that id, or 404."""
    return get_object_or_404(
        Conversation.objects.select_related("contact", "number__account", "assignee").annotate(
            label_ids=conversations_inbox.label_ids(),
            is_mentioned=conversations_inbox.is_mentioned(request.user),
        ),
        business=request.business,
        public_id=public_id,
    )


def _messages(conversation: Conversation) -> Any:
    return Message.objects.filter(conversation=conversation)


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 19 else 0


def _first_error(form: ReplyForm) -> str:
    return str(next(iter(form.errors.values()))[0])
