"""Users, who log in by e-mail address."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.utils.timezone import now as utc_now
from django.utils.translation import gettext_lazy as _

from core import tenancy


class UserManager(BaseUserManager["User"]):
    """Creates users, and finds one by id."""

    def get(self, *args: Any, **conditions: Any) -> "User":
        """The user with an id, whatever the scope: the id is signed. Otherwise as in Django."""
        if args or set(conditions) != {"pk"}:
            return super().get(*args, **conditions)
        found = User.objects.raw(
            "SELECT * FROM accounts_open_user(%s, %s)",
            [conditions["pk"], tenancy.signature(f"user {conditions['pk']}")],
        )
        for user in found:
            return user
        raise User.DoesNotExist

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a user; the e-mail address is kept in lower case."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        with tenancy.logins("a user is created"):
            user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create an operator who may do everything in the admin."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person; may belong to several businesses."""

    email = models.EmailField(_("e-mail address"), unique=True)
    name = models.CharField(_("name"), max_length=120, blank=True)
    is_staff = models.BooleanField(
        _("operator"), default=False, help_text=_("May log in to the admin.")
    )
    is_active = models.BooleanField(_("active"), default=True)
    date_joined = models.DateTimeField(default=utc_now)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        """The name, or the e-mail address while there is none."""
        return str(self)
