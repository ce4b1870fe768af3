"""The simulated phone: what a customer of the sandbox sees, and writes."""

from typing import Any

from django.db import IntegrityError, transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.access import BusinessRequest, member_page
from accounts.models import Role
from core.errors import ParleyError
from core.wake import notify
from hosting import extensions, tasks
from hosting.cloudapi import addresses
from hosting.cloudapi.interactive import reply_to
from hosting.cloudapi.parts import buttons_of
from hosting.conversations import thread
from hosting.forms.conversations import ReplyForm
from hosting.forms.phones import HandsetForm
from hosting.media.store import store_attachment
from hosting.models import Conversation, Direction, Handset, Message, Number, Status
from hosting.transports import sandbox

CHATS = (Role.OWNER, Role.AGENT)
MAX_HANDSETS_SHOWN = 60
# What may be shown inside another page of ours: pages for anybody, which allow it.
PUBLIC_PAGES = "/s/"
# Those that WhatsApp offers first.
EMOJI = ("👍", "❤️", "😂", "😮", "😢", "🙏")


@member_page(*CHATS)
def phones(request: BusinessRequest) -> HttpResponse:
    """The phones there are; POST adds one."""
    form = HandsetForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        handset = _add(request, form)
        if handset:
            return redirect("phone", handset.pk)
        form.add_error("wa_id", _("There is a phone with this number already."))
    return render(request, "hosting/phone.html", {"handsets": _handsets(request), "form": form})


def _add(request: BusinessRequest, form: HandsetForm) -> Handset | None:
    try:
        with transaction.atomic():
            return Handset.objects.create(business=request.business, **form.cleaned_data)
    except IntegrityError:
        return None


@require_GET
@member_page(*CHATS)
def phone(request: BusinessRequest, handset_id: int) -> HttpResponse:
    """One phone's home: its chats with the business's sandbox numbers."""
    handset = handset_of(request, handset_id)
    context = {"handset": handset, "chats": _chats(request, handset), "now": request.business.now()}
    if request.headers.get("HX-Target") == "chats":
        return render(request, "hosting/_phone_chats.html", context)
    return render(
        request,
        "hosting/phone.html",
        context | {"handsets": _handsets(request), "form": HandsetForm()},
    )


@require_GET
@member_page(*CHATS)
def chat(request: BusinessRequest, handset_id: int, phone_number_id: str) -> HttpResponse:
    """A chat on the phone; looking at it sends read receipts."""
    handset, number = handset_of(request, handset_id), number_of(request, phone_number_id)
    blocked = sandbox.has_blocked(handset=handset, number=number)
    if handset.is_online and not blocked:
        _look(handset, number)
    conversation = Conversation.objects.filter(
        business=request.business, number=number, contact__wa_id=handset.wa_id
    ).first()
    page = thread.latest_page(_on_phone(conversation), own=Direction.IN, before=_before(request))
    context = {
        "handset": handset,
        "number": number,
        "conversation": conversation,
        "page": page,
        "on_phone": True,
        "blocked": blocked,
        "emoji": EMOJI,
        "now": request.business.now(),
        "tools": extensions.phone_tools,
    }
    if request.headers.get("HX-Target") == "latest":
        return render(request, "hosting/_entries.html", context)
    return render(
        request,
        "hosting/phone.html",
        context | {"handsets": _handsets(request), "form": HandsetForm()},
    )


@require_GET
@member_page(*CHATS)
def web(request: BusinessRequest, handset_id: int, phone_number_id: str) -> HttpResponse:
    """A public page of ours in the chat's own view, as the phone opens a link that it was sent."""
    handset, number = handset_of(request, handset_id), number_of(request, phone_number_id)
    address = request.GET.get("to", "")
    if not address.startswith(PUBLIC_PAGES):
        raise Http404
    return screen(
        request,
        "hosting/phone_web.html",
        {"handset": handset, "number": number, "address": address},
    )


def screen(
    request: BusinessRequest, template: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """A screen of the phone that stands in place of the chat."""
    around = {"now": request.business.now(), "handsets": _handsets(request), "form": HandsetForm()}
    return render(request, template, around | context, status=status)


@require_POST
@member_page(*CHATS)
def tap(
    request: BusinessRequest, handset_id: int, phone_number_id: str, message_id: int
) -> HttpResponse:
    """The customer taps a button of a message, or chooses from its list."""
    handset, number = handset_of(request, handset_id), number_of(request, phone_number_id)
    asked = said(
        request,
        handset,
        number,
        message_id,
        direction=Direction.OUT,
        kind__in=("interactive", "template"),
    )
    content = _answer(asked, request)
    if content is None:
        raise Http404
    kind = "interactive" if asked.kind == "interactive" else "button"
    send(handset, number, kind=kind, content=content, context=asked.wamid)
    return redirect("phone_chat", handset.pk, number.phone_number_id)


def said(
    request: BusinessRequest, handset: Handset, number: Number, message_id: int, **which: Any
) -> Message:
    """A message of this chat."""
    own = Message.objects.filter(
        business=request.business, number=number, contact__wa_id=handset.wa_id, **which
    )
    return get_object_or_404(own.select_related("template"), pk=message_id)


def _answer(asked: Message, request: BusinessRequest) -> dict[str, Any] | None:
    if asked.kind == "template":
        return _pressed(asked, request.POST.get("choice", ""))
    if asked.content.get("type") != "address_message":
        return reply_to(asked.content, request.POST.get("choice", ""))
    prefix = f"address-{asked.pk}-"
    filled = {
        name.removeprefix(prefix): str(text)
        for name, text in request.POST.items()
        if name.startswith(prefix)
    }
    return addresses.reply_with(asked.content, filled)


def _pressed(asked: Message, choice: str) -> dict[str, Any] | None:
    offered = buttons_of(
        asked.template.components if asked.template else [], asked.content.get("components") or []
    )
    found = next(
        (one for n, one in enumerate(offered) if str(n) == choice and one.kind == "quick_reply"),
        None,
    )
    return {"text": found.text, "payload": found.payload} if found else None


def send(
    handset: Handset, number: Number, *, kind: str, content: sandbox.Content, context: str = ""
) -> None:
    """Nothing leaves a phone that is switched off, or has blocked the number."""
    if sandbox.can_send(handset=handset, number=number):
        sandbox.send_from_phone(
            handset=handset, number=number, kind=kind, content=content, context=context
        )
        notify(tasks.apply)


@require_POST
@member_page(*CHATS)
def write(request: BusinessRequest, handset_id: int, phone_number_id: str) -> HttpResponse:
    """The customer writes a text or sends a file; it goes to the business by the webhook door."""
    handset, number = handset_of(request, handset_id), number_of(request, phone_number_id)
    form, error = ReplyForm(request.POST, request.FILES), ""
    if form.is_valid() and sandbox.can_send(handset=handset, number=number):
        try:
            _leave(request, handset, number, form)
        except ParleyError as refused:
            error = refused.message
    if request.htmx:  # type: ignore[attr-defined]
        blocked = sandbox.has_blocked(handset=handset, number=number)
        context = {"handset": handset, "number": number, "error": error, "blocked": blocked}
        shown = render(request, "hosting/_phone_type.html", context)
        shown["HX-Trigger"] = "changed"
        return shown
    return redirect("phone_chat", handset.pk, number.phone_number_id)


def _leave(request: BusinessRequest, handset: Handset, number: Number, form: ReplyForm) -> None:
    text = form.cleaned_data["text"]
    kind, content = "text", {"body": text}
    if file := form.cleaned_data["file"]:
        kind, content = store_attachment(
            business=request.business, file=file, caption=text, from_customer=True
        )
    send(handset, number, kind=kind, content=content)


@require_POST
@member_page(*CHATS)
def switch(request: BusinessRequest, handset_id: int) -> HttpResponse:
    """Switch the phone off or on; on, it receives what waited."""
    handset = handset_of(request, handset_id)
    sandbox.set_online(handset=handset, online=request.POST.get("online") == "1")
    notify(tasks.apply)
    return redirect("phone", handset.pk)


def _look(handset: Handset, number: Number) -> None:
    if sandbox.open_chat(handset=handset, number=number):
        notify(tasks.apply)


def _on_phone(conversation: Conversation | None) -> Any:
    """What reached the phone, and what was written on it."""
    arrived = (
        Message.objects.filter(conversation=conversation)
        if conversation
        else Message.objects.none()
    )
    return arrived.exclude(
        direction=Direction.OUT, status__in=[Status.ACCEPTED, Status.SENT, Status.FAILED]
    )


def _chats(request: BusinessRequest, handset: Handset) -> list[dict[str, Any]]:
    threads_by_number = {
        conversation.number_id: conversation
        for conversation in Conversation.objects.filter(
            business=request.business, contact__wa_id=handset.wa_id
        )
    }
    return [
        {"number": number, "conversation": threads_by_number.get(number.pk)}
        for number in sandbox.numbers_of(request.business)
    ]


def _handsets(request: BusinessRequest) -> list[Handset]:
    return list(
        Handset.objects.filter(business=request.business).order_by("name", "id")[
            :MAX_HANDSETS_SHOWN
        ]
    )


def handset_of(request: BusinessRequest, handset_id: int) -> Handset:
    """A phone of the business; 404 for any other."""
    return get_object_or_404(
        Handset.objects.select_related("business"), business=request.business, pk=handset_id
    )


def number_of(request: BusinessRequest, phone_number_id: str) -> Number:
    """A sandbox number of the business; 404 for any other."""
    return get_object_or_404(
        Number.objects.select_related("account"),
        business=request.business,
        phone_number_id=phone_number_id,
        transport="sandbox",
    )


def _before(request: BusinessRequest) -> int:
    text = request.GET.get("before", "")
    return int(text) if text.isdecimal() and len(text) < 19 else 0
