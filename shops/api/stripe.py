"""`POST /webhooks/shops/<catalog_id>/stripe/`: events of the seller's Stripe account, stored before
the 200.
"""

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from core.errors import ParleyError
from core.wake import notify
from shops import tasks
from shops.models import Catalog
from shops.payments import stripe_events


@csrf_exempt
@require_POST
def webhook(request: HttpRequest, catalog_id: str) -> HttpResponse:
    """Verify the signature over the raw body, store the event once, wake the worker."""
    try:
        is_new = stripe_events.receive_webhook(
            catalog_id, request.body, request.headers.get("Stripe-Signature", "")
        )
    except Catalog.DoesNotExist:
        raise Http404 from None
    except ParleyError as error:
        return JsonResponse(
            {"error": {"code": error.code, "message": error.message}}, status=error.status
        )
    if is_new:
        notify(tasks.collect)
    return JsonResponse({"received": True})
