"""`manage.py operator EMAIL`: a link, good once, by which an operator sets a password."""

from argparse import ArgumentParser
from typing import Any

from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.urls import reverse

from accounts.models import User
from core import links
from core.tenancy import logins


class Command(BaseCommand):
    """Creates the operator where there is none of this address."""

    help = "Print a link, good once and for three days, by which an operator sets a password."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The address, and whether an operator that is there already is enough."""
        parser.add_argument("email", help="the operator's e-mail address, which is the login")
        parser.add_argument(
            "--if-none", action="store_true", help="do nothing where there is an operator"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the link; raises CommandError for what is no address, or is a customer's."""
        email = options["email"].strip().lower()
        try:
            validate_email(email)
        except ValidationError:
            raise CommandError(f"{email!r} is not an e-mail address.") from None
        with logins("an operator is created"):
            if options["if_none"] and User.objects.filter(is_superuser=True).exists():
                return
            user = User.objects.filter(email=email).first()
            if user is None:
                user = User.objects.create_superuser(email)
                user.set_unusable_password()
                user.save(update_fields=["password"])
                EmailAddress.objects.create(user=user, email=email, primary=True, verified=True)
            elif not user.is_superuser:
                raise CommandError(f"{email} is a customer's login: choose another address.")
            key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
        uid, _, token = key.partition("-")
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": token})
        self.stdout.write(f"{email} sets a password, once: {links.absolute(path)}")
