"""Page of a business's rates: card, version, agreed terms, free rules and tiers."""

from zoneinfo import ZoneInfo

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access import BusinessRequest, member_page
from accounts.models import FINANCE
from billing.invoices.close import next_month
from billing.metering.usage import months_of
from billing.models import RateCategory
from billing.rate_cards.terms import first_market, terms_of, tiers_of
from billing.views import table_files


@require_GET
@member_page(*FINANCE)
def rates(request: BusinessRequest) -> HttpResponse:
    """Prices of a month and market: `?month=2026-05&market=India`."""
    business = request.business
    today = business.now().astimezone(ZoneInfo(business.timezone)).date().replace(day=1)
    months = [next_month(today), today, *(month for month in months_of(business) if month < today)]
    month = next((one for one in months if f"{one:%Y-%m}" == request.GET.get("month", "")), today)
    terms = terms_of(business, month)
    context: dict[str, object] = {
        "terms": terms,
        "month": month,
        "months": months,
        "is_coming": month > today,
    }
    if terms is not None:
        markets, market = terms.markets, request.GET.get("market", "")
        market = market if market in markets else first_market(business, terms)
        tiers = tiers_of(business, terms, market)
        if request.GET.get("csv"):
            return table_files.rates(month, market, terms.card.currency, tiers)
        context |= {
            "markets": markets,
            "market": market,
            "tiers": [(_category(one.category), one) for one in tiers],
        }
    return render(request, "billing/rate_cards/rates.html", context)


def _category(code: str) -> str:
    return str(RateCategory(code).label)
