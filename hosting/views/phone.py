"""The simulated phone of a sandbox customer."""

from typing import Any

from django.db import IntegrityError, transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.access import BusinessRequest, member_page
from accounts.models import AGENTS
from core.errors import ParleyError
from core.wake import notify
from hosting import extensions, tasks
from hosting.cloudapi import addresses
from hosting.cloudapi.interactive import choice_reply
from hosting.cloudapi.parts import buttons_of
from hosting.conversations import thread
from hosting.forms.conversations import ReplyForm
from hosting.forms.phones import SimulatedPhoneForm
from hosting.media.store import store_attachment
from hosting.models import Conversation, Direction, Message, Number, SimulatedPhone, Status
from hosting.numbers.phone_access import phone_page
from hosting.transports import sandbox

CHAT_ROLES = AGENTS
MAX_PHONES_SHOWN = 60
# Paths that may be shown inside another page: public ones, which allow it.
PUBLIC_PAGES = "/s/"
# The reactions that WhatsApp offers first.
EMOJI = ("👍", "❤️", "😂", "😮", "😢", "🙏")


@member_page(*CHAT_ROLES)
def phones(request: BusinessRequest) -> HttpResponse:
    """The simulated phones; POST adds one."""
    form = SimulatedPhoneForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        simulated_phone = _add(request, form)
        if simulated_phone:
            return redirect("phone", simulated_phone.pk)
        form.add_error("wa_id", _("There is a phone with this number already."))
    return render(
        request,
        "hosting/phone/phone.html",
        {"simulated_phones": _simulated_phones(request), "form": form},
    )


def _add(request: BusinessRequest, form: SimulatedPhoneForm) -> SimulatedPhone | None:
    try:
        with transaction.atomic():
            return SimulatedPhone.objects.create(business=request.business, **form.cleaned_data)
    except IntegrityError:
        return None


@require_GET
@member_page(*CHAT_ROLES)
def phone(request: BusinessRequest, simulated_phone_id: int) -> HttpResponse:
    """One phone's chats with the business's sandbox numbers."""
    simulated_phone = simulated_phone_of(request, simulated_phone_id)
    context = {
        "simulated_phone": simulated_phone,
        "chats": _chats(request, simulated_phone),
        "now": request.business.now(),
    }
    if request.headers.get("HX-Target") == "chats":
        return render(request, "hosting/phone/_chats.html", context)
    return render(
        request,
        "hosting/phone/phone.html",
        context | {"simulated_phones": _simulated_phones(request), "form": SimulatedPhoneForm()},
    )


@require_GET
@phone_page
def chat(request: BusinessRequest, simulated_phone_id: int, phone_number_id: str) -> HttpResponse:
    """A chat on the phone; opening it sends read receipts."""
    simulated_phone, number = chat_of(request, simulated_phone_id, phone_number_id)
    blocked = sandbox.has_blocked(simulated_phone=simulated_phone, number=number)
    if simulated_phone.is_online and not blocked:
        _open_chat(simulated_phone, number)
    conversation = Conversation.objects.filter(
        business=request.business, number=number, contact__wa_id=simulated_phone.wa_id
    ).first()
    page = thread.latest_page(_on_phone(conversation), own=Direction.IN, before=_before(request))
    context = {
        "simulated_phone": simulated_phone,
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
        return render(request, "hosting/conversations/_entries.html", context)
    return render(
        request,
        "hosting/phone/phone.html",
        context | {"simulated_phones": _simulated_phones(request), "form": SimulatedPhoneForm()},
    )


@require_GET
@phone_page
def web(request: BusinessRequest, simulated_phone_id: int, phone_number_id: str) -> HttpResponse:
    """A public page of ours inside the phone, opened from a link."""
    simulated_phone, number = chat_of(request, simulated_phone_id, phone_number_id)
    address = request.GET.get("to", "")
    if not address.startswith(PUBLIC_PAGES):
        raise Http404
    return screen(
        request,
        "hosting/phone/web.html",
        {"simulated_phone": simulated_phone, "number": number, "address": address},
    )


def screen(
    request: BusinessRequest, template: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """Render a screen of the phone in place of the chat."""
    around = {
        "now": request.business.now(),
        "simulated_phones": _simulated_phones(request),
        "form": SimulatedPhoneForm(),
    }
    return render(request, template, around | context, status=status)


@require_POST
@phone_page
def tap(
    request: BusinessRequest, simulated_phone_id: int, phone_number_id: str, message_id: int
) -> HttpResponse:
    """Send the reply of a tapped button or chosen list row."""
    simulated_phone, number = chat_of(request, simulated_phone_id, phone_number_id)
    asked = message_of_chat(
        request,
        simulated_phone,
        number,
        message_id,
        direction=Direction.OUT,
        kind__in=("interactive", "template"),
    )
    content = _reply_content(asked, request)
    if content is None:
        raise Http404
    kind = "interactive" if asked.kind == "interactive" else "button"
    send(simulated_phone, number, kind=kind, content=content, context=asked.wamid)
    return redirect("phone_chat", simulated_phone.pk, number.phone_number_id)


def message_of_chat(
    request: BusinessRequest,
    simulated_phone: SimulatedPhone,
    number: Number,
    message_id: int,
    **which: Any,
) -> Message:
    """Return a message of this chat, or 404."""
    own = Message.objects.filter(
        business=request.business, number=number, contact__wa_id=simulated_phone.wa_id, **which
    )
    return get_object_or_404(own.select_related("template"), pk=message_id)


def _reply_content(asked: Message, request: BusinessRequest) -> dict[str, Any] | None:
    if asked.kind == "template":
        return _quick_reply(asked, request.POST.get("choice", ""))
    if asked.content.get("type") != "address_message":
        return choice_reply(asked.content, request.POST.get("choice", ""))
    prefix = f"address-{asked.pk}-"
    filled = {
        name.removeprefix(prefix): str(text)
        for name, text in request.POST.items()
        if name.startswith(prefix)
    }
    return addresses.form_reply(asked.content, filled)


def _quick_reply(asked: Message, choice: str) -> dict[str, Any] | None:
    offered = buttons_of(
        asked.template.components if asked.template else [], asked.content.get("components") or []
    )
    found = next(
        (one for n, one in enumerate(offered) if str(n) == choice and one.kind == "quick_reply"),
        None,
    )
    return {"text": found.text, "payload": found.payload} if found else None


def send(
    simulated_phone: SimulatedPhone,
    number: Number,
    *,
    kind: str,
    content: sandbox.Content,
    context: str = "",
) -> None:
    """Send from the phone, unless it is offline or has blocked the number."""
    if sandbox.can_send(simulated_phone=simulated_phone, number=number):
        sandbox.send_from_phone(
            simulated_phone=simulated_phone,
            number=number,
            kind=kind,
            content=content,
            context=context,
        )
        notify(tasks.apply)


@require_POST
@phone_page
def write(request: BusinessRequest, simulated_phone_id: int, phone_number_id: str) -> HttpResponse:
    """Send a text or file from the phone, as a webhook event."""
    simulated_phone, number = chat_of(request, simulated_phone_id, phone_number_id)
    form, error = ReplyForm(request.POST, request.FILES), ""
    if form.is_valid() and sandbox.can_send(simulated_phone=simulated_phone, number=number):
        try:
            _send_form(request, simulated_phone, number, form)
        except ParleyError as refused:
            error = refused.message
    if request.htmx:
        blocked = sandbox.has_blocked(simulated_phone=simulated_phone, number=number)
        context = {
            "simulated_phone": simulated_phone,
            "number": number,
            "error": error,
            "blocked": blocked,
        }
        shown = render(request, "hosting/phone/_type.html", context)
        shown["HX-Trigger"] = "changed"
        return shown
    return redirect("phone_chat", simulated_phone.pk, number.phone_number_id)


def _send_form(
    request: BusinessRequest, simulated_phone: SimulatedPhone, number: Number, form: ReplyForm
) -> None:
    text = form.cleaned_data["text"]
    kind, content = "text", {"body": text}
    if file := form.cleaned_data["file"]:
        kind, content = store_attachment(
            business=request.business, file=file, caption=text, from_customer=True
        )
    send(simulated_phone, number, kind=kind, content=content)


@require_POST
@member_page(*CHAT_ROLES)
def switch(request: BusinessRequest, simulated_phone_id: int) -> HttpResponse:
    """Switch the phone on or off; switched on, it receives waiting messages."""
    simulated_phone = simulated_phone_of(request, simulated_phone_id)
    sandbox.set_online(simulated_phone=simulated_phone, online=request.POST.get("online") == "1")
    notify(tasks.apply)
    return redirect("phone", simulated_phone.pk)


def _open_chat(simulated_phone: SimulatedPhone, number: Number) -> None:
    if sandbox.open_chat(simulated_phone=simulated_phone, number=number):
        notify(tasks.apply)


def _on_phone(conversation: Conversation | None) -> Any:
    """Return the messages that reached the phone or were sent from it."""
    arrived = (
        Message.objects.filter(conversation=conversation)
        if conversation
        else Message.objects.none()
    )
    return arrived.exclude(
        direction=Direction.OUT, status__in=[Status.ACCEPTED, Status.SENT, Status.FAILED]
    )


def _chats(request: BusinessRequest, simulated_phone: SimulatedPhone) -> list[dict[str, Any]]:
    threads_by_number = {
        conversation.number_id: conversation
        for conversation in Conversation.objects.filter(
            business=request.business, contact__wa_id=simulated_phone.wa_id
        )
    }
    return [
        {"number": number, "conversation": threads_by_number.get(number.pk)}
        for number in sandbox.numbers_of(request.business)
    ]


def _simulated_phones(request: BusinessRequest) -> list[SimulatedPhone]:
    if getattr(request, "is_guest", False):
        return []
    return list(
        SimulatedPhone.objects.filter(business=request.business).order_by("name", "id")[
            :MAX_PHONES_SHOWN
        ]
    )


def chat_of(
    request: BusinessRequest, simulated_phone_id: int, phone_number_id: str
) -> tuple[SimulatedPhone, Number]:
    """Return the business's phone and sandbox number that an address names, or 404."""
    return simulated_phone_of(request, simulated_phone_id), number_of(request, phone_number_id)


def simulated_phone_of(request: BusinessRequest, simulated_phone_id: int) -> SimulatedPhone:
    """Return the business's phone of that id, or 404."""
    return get_object_or_404(
        SimulatedPhone.objects.select_related("business"),
        business=request.business,
        pk=simulated_phone_id,
    )


def number_of(request: BusinessRequest, phone_number_id: str) -> Number:
    """Return the business's sandbox number, or 404."""
    return get_object_or_404(
        Number.objects.select_related("account"),
        business=request.business,
        phone_number_id=phone_number_id,
        transport="sandbox",
    )


def _before(request: BusinessRequest) -> int:
    text = request.GET.get("before", "")
    return int(text) if text.isdecimal() and len(text) < 19 else 0
