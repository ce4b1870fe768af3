"""Sign-up and passwords: how allauth writes mails, and that its answers tell nobody who is here."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.models import EmailAddress
from allauth.core import context as current
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest, HttpResponseBase

from core import links, outbox
from core.tenancy import logins

# Session key: the id of the user whose address is to be verified.
UNVERIFIED = "unverified_user"


@dataclass(frozen=True, slots=True)
class Product:
    """Stands where allauth's templates expect a site: they name the product, not an address."""

    name: str
    domain: str


class AccountAdapter(DefaultAccountAdapter):
    """Writes allauth's mails to the outbox, with links that begin with BASE_URL."""

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Write a mail from allauth's templates; its text is deleted once it is sent."""
        product = Product(settings.PRODUCT_NAME, settings.PRODUCT_NAME)
        known = {name: _with_own_host(value) for name, value in context.items()} | {
            "email": email,
            "current_site": product,
            "base_url": settings.BASE_URL,
        }
        message: Any = self.render_mail(template_prefix, email, known)
        kind = template_prefix.rpartition("/")[2]
        outbox.write(
            outbox.Content(kind, str(message.subject), f"{message.body}\n"),
            key=uuid4().hex,
            recipients=[email],
            is_private=True,
        )

    def respond_email_verification_sent(
        self, request: HttpRequest, user: AbstractBaseUser | None
    ) -> HttpResponseBase:
        """Remember whose address is to be verified, so that the mail can be sent again."""
        request.session[UNVERIFIED] = user.pk if user else 0
        answer: HttpResponseBase = super().respond_email_verification_sent(request, user)
        return answer

    def send_account_already_exists_mail(self, email: str) -> None:
        """Tell who signs up a second time, after as much work as a first time takes."""
        make_password(uuid4().hex)
        super().send_account_already_exists_mail(email)


def resend_verification(request: HttpRequest) -> None:
    """Send the verification mail again to who signed up in this session, at allauth's pace."""
    user_id = request.session.get(UNVERIFIED)
    with logins("a verification is sent again"):
        address = EmailAddress.objects.filter(user_id=user_id, verified=False).first()
        if user_id and address:
            send_verification_email_to_address(request, address)


def _with_own_host(value: Any) -> Any:
    """A page's address under BASE_URL: allauth makes it of the host that the request names."""
    if current.request is None or not isinstance(value, str):
        return value
    parts = urlsplit(value)
    is_ours = parts.scheme in ("http", "https") and parts.netloc == current.request.get_host()
    return links.rebased(value) if is_ours else value
