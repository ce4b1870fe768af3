"""Start a conversation with a customer who may not have written yet."""

from django.utils.translation import gettext as _

from accounts.models import User
from core.errors import BadInput
from core.sql import fetch_prepared, statement
from hosting.contacts.identity import user_id_for
from hosting.models import Conversation, Number


def start(*, number: Number, wa_id: str, by: User) -> Conversation:
    """The conversation of a number with the customer of these digits, made where there is none.

    A conversation that nobody answers is assigned to `by`. Raises BadInput for the number's own
    digits.
    """
    if wa_id == number.digits:
        raise BadInput(_("This is the number itself."), field="to")
    parameters = {
        "business_id": number.business_id,
        "number_id": number.pk,
        "account_id": number.account_id,
        "wa_id": wa_id,
        "user_id": user_id_for(wa_id),
        "at": number.business.now(),
        "template": "",
        "language": "",
    }
    found = fetch_prepared(statement("hosting", "open_conversation"), parameters)
    assert found is not None
    own = Conversation.objects.filter(pk=found[0])
    own.update(is_resolved=False)
    own.filter(assignee=None).update(assignee=by)
    return own.get()
