"""Product picker of the composer: send one product, several, or the whole catalogue."""

import uuid
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from accounts.access import BusinessRequest, member_page
from accounts.models import AGENTS
from core.errors import ParleyError
from core.wake import notify
from hosting import extensions, tasks
from hosting.live import publish
from hosting.messages.send import send_message
from hosting.models import Conversation
from shops.chat import product_messages
from shops.models import Catalog

CHAT_ROLES = AGENTS


@member_page(*CHAT_ROLES)
def products(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """Choose products, add a text, send them."""
    conversation = get_object_or_404(
        Conversation.objects.select_related("contact", "number__account"),
        business=request.business,
        public_id=public_id,
    )
    catalog = product_messages.catalog_for(conversation)
    error = ""
    if request.method == "POST" and catalog is not None:
        try:
            _send(request, conversation, catalog)
            return _composer(request, conversation)
        except ParleyError as refused:
            error = refused.message
    return _picker(request, conversation, catalog, error)


def _send(request: BusinessRequest, conversation: Conversation, catalog: Catalog) -> None:
    words = request.POST.get("words", "").strip()
    if request.POST.get("whole") == "1":
        content = product_messages.catalog_message(words or _("Have a look at our catalogue."))
    else:
        content = product_messages.products_message(catalog, request.POST.getlist("product"), words)
    with transaction.atomic():
        send_message(
            business=request.business,
            number=conversation.number,
            to=conversation.contact.wa_id,
            kind="interactive",
            content=content,
            author=request.user,
        )
    notify(tasks.deliver)
    shown = str(conversation.public_id)
    transaction.on_commit(
        lambda: publish.publish_event(request.business.pk, kind="message", conversation=shown),
        robust=True,
    )


def _picker(
    request: BusinessRequest, conversation: Conversation, catalog: Catalog | None, error: str
) -> HttpResponse:
    words = request.GET.get("q", "").strip()[:100]
    context: dict[str, Any] = {
        "conversation": conversation,
        "catalog": catalog,
        "products": product_messages.search_products(catalog, words) if catalog else [],
        "words": words,
        "chosen": set(request.POST.getlist("product")),
        "text": request.POST.get("words", ""),
        "error": error,
    }
    page = "shops/chat/_product_picker.html" if request.htmx else "shops/chat/product_picker.html"
    # htmx does not swap in error responses, and the composer must show the message.
    return render(request, page, context, status=422 if error and not request.htmx else 200)


def _composer(request: BusinessRequest, conversation: Conversation) -> HttpResponse:
    if not request.htmx:
        return redirect(f"{conversation.get_absolute_url()}#end")
    now = request.business.now()
    context = {
        "conversation": conversation,
        "now": now,
        "window_open": conversation.window_open(at=now),
        "tools": extensions.composer_tools,
    }
    response = render(request, "hosting/conversations/_composer.html", context)
    response.headers["HX-Trigger"] = "changed"
    return response
