"""Operations of the Cloud API that Parley has no use for: refused in its shape, not with a 404."""

from django.http import HttpRequest, HttpResponse

from hosting.api.keys import authenticated, cloud_api
from hosting.errors import CloudApiError

# The last part of a path below an id, and why nothing answers there.
PARTNERS = "Parley has no partners or solutions: a business connects its own network."
MOVES = "Accounts are not moved between businesses."
NUMBERS = "Numbers come from the account's network, or from POST /{waba_id}/phone_numbers."
GROUPS = "Groups of a network are read here; they are managed there."
WORDS = {
    "connected_client_businesses": PARTNERS,
    "whatsapp_business_solution": PARTNERS,
    "whatsapp_business_solutions": PARTNERS,
    "solutions": PARTNERS,
    "access_token": PARTNERS,
    "accept": PARTNERS,
    "reject": PARTNERS,
    "accept_deactivation_request": PARTNERS,
    "reject_deactivation_request": PARTNERS,
    "send_deactivation_request": PARTNERS,
    "set_solution_migration_intent": PARTNERS,
    "onboard_partners_to_mm_lite": PARTNERS,
    "partners": PARTNERS,
    "in_progress_onbehalf_request": MOVES,
    "obo_mobility_intent": MOVES,
    "set_obo_mobility_intent": MOVES,
    "add_phone_numbers": NUMBERS,
    "preverified_numbers": NUMBERS,
    "share_preverified_numbers": NUMBERS,
    "extendedcredits": "Parley's invoices are under Billing; there are no credit lines.",
    "assigned_whatsapp_business_accounts": "A key's accounts are those of its business.",
    "invite_link": GROUPS,
    "join_requests": GROUPS,
    "participants": GROUPS,
}
PATHS = "|".join(WORDS)


@cloud_api("GET", "POST", "DELETE")
def refused(request: HttpRequest, object_id: str, edge: str) -> HttpResponse:
    """Refuse a caller with a live key."""
    with authenticated(request):
        raise CloudApiError(131215 if WORDS[edge] == GROUPS else 3, WORDS[edge])


@cloud_api("GET", "POST", "DELETE")
def group(request: HttpRequest, group_id: str) -> HttpResponse:
    """Refuse a caller with a live key who asks for a group."""
    with authenticated(request):
        raise CloudApiError(131215, GROUPS)
