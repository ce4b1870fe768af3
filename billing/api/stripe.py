"""`POST /webhooks/stripe/`: events of the payment network, stored before the 200, applied by a
worker.
"""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from billing import tasks
from billing.payments import stripe_events
from core.errors import ParleyError
from core.wake import notify


@csrf_exempt
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """Verify the signature over the raw body, store the event once, wake the worker."""
    try:
        is_new = stripe_events.receive_webhook(
            request.body, request.headers.get("Stripe-Signature", "")
        )
    except ParleyError as error:
        return JsonResponse(
            {"error": {"code": error.code, "message": error.message}}, status=error.status
        )
    if is_new:
        notify(tasks.collect)
    return JsonResponse({"received": True})
