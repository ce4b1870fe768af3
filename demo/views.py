"""The demo's progress, which the banner fetches anew while it is shown."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access import BusinessRequest, member_page
from demo import progress

# htmx stops asking at this status.
STOP_POLLING = 286


@require_GET
@member_page()
def demo_progress(request: BusinessRequest) -> HttpResponse:
    """The banner as it is now; empty once the demo is complete, and nobody asks again."""
    found = progress.banners(request.business, request.membership.role)
    answer = render(request, "components/banners.html", {"banners": found})
    if not found:
        answer.status_code = STOP_POLLING
    return answer
