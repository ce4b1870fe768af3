"""Upstream settings: connecting accounts to a real Cloud API."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.access import BusinessRequest, member_page
from accounts.audit import record
from accounts.models import ADMINS
from core import outbound
from core.wake import notify
from hosting import tasks
from hosting.forms.upstreams import UpstreamForm
from hosting.models import Account, Number, Upstream
from hosting.numbers import upstream
from hosting.numbers.upstream import UpstreamAccount, UpstreamRefused

PROCEED = 204


@require_GET
@member_page(*ADMINS)
def upstreams(request: BusinessRequest) -> HttpResponse:
    """Accounts with their upstreams, and a form that connects one."""
    return _page(request, _form(request))


@require_POST
def connect(request: HttpRequest) -> HttpResponseBase:
    """Fetch the upstream's numbers, then connect it; requests run outside of transactions."""
    asked: list[tuple[UpstreamAccount, Account]] = []
    checked = _validated(request, asked)
    if not asked:
        return checked
    (chosen, account), refusal, numbers = asked[0], "", dict[str, str]()
    try:
        with outbound.slot(account.business_id):
            numbers = upstream.fetch_numbers(chosen)
    except (UpstreamRefused, outbound.TooManyOutbound) as error:
        refusal = error.message
    answer = _connect_account(request, numbers, refusal)
    if answer.status_code != 302:
        return answer
    try:
        with outbound.slot(account.business_id):
            upstream.subscribe_webhooks(chosen, account)
    except (UpstreamRefused, outbound.TooManyOutbound) as error:
        messages.warning(request, _("Set its webhook by hand: %(why)s") % {"why": error.message})
    return answer


@member_page(*ADMINS)
def _validated(
    request: BusinessRequest, asked: list[tuple[UpstreamAccount, Account]]
) -> HttpResponse:
    form = _form(request)
    if not form.is_valid():
        return _page(request, form, status=422)
    asked.append((form.upstream_account(), form.account()))
    return HttpResponse(status=PROCEED)


@member_page(*ADMINS)
def _connect_account(
    request: BusinessRequest, numbers: dict[str, str], refusal: str
) -> HttpResponse:
    form = _form(request)
    if form.is_valid() and not refusal:
        try:
            ours = upstream.connect(
                account=form.account(),
                upstream=form.upstream_account(),
                app_secret=form.cleaned_data["app_secret"],
                numbers=numbers,
            )
        except UpstreamRefused as error:
            refusal = error.message
        else:
            named = ", ".join(number.display_phone_number for number in ours)
            record.record(
                action="upstream.connected",
                subject=form.upstream_account().base_url,
                business=request.business,
            )
            messages.success(
                request, _("Connected: %(numbers)s send by it from now on.") % {"numbers": named}
            )
            notify(tasks.synchronise)
            return redirect("upstreams")
    if refusal:
        form.add_error(None, refusal)
    return _page(request, form, status=422)


@require_POST
@member_page(*ADMINS)
def disconnect(request: BusinessRequest, waba_id: str) -> HttpResponse:
    """Disconnect an account's upstream."""
    account = get_object_or_404(Account, business=request.business, waba_id=waba_id)
    try:
        upstream.disconnect(account)
    except UpstreamRefused as error:
        messages.error(request, error.message)
    else:
        record.record(action="upstream.disconnected", subject=account, business=request.business)
        messages.success(request, _("Disconnected. Its numbers are in the sandbox again."))
    return redirect("upstreams")


def _form(request: BusinessRequest) -> UpstreamForm:
    accounts = Account.objects.filter(business=request.business).order_by("id")
    return UpstreamForm(accounts, request.POST if request.method == "POST" else None)


def _page(request: BusinessRequest, form: UpstreamForm, status: int = 200) -> HttpResponse:
    found = (
        Upstream.objects.filter(business=request.business).select_related("account").order_by("id")
    )
    numbers = (
        Number.objects.filter(business=request.business).exclude(upstream_id="").order_by("id")
    )
    context = {
        "form": form,
        "upstreams": [
            (one, [row for row in numbers if row.account_id == one.account_id]) for one in found
        ],
        "base_url": settings.BASE_URL,
    }
    return render(request, "hosting/numbers/upstreams.html", context, status=status)
