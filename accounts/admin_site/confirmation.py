"""Confirmation pages of the admin: a form that an operator fills before an action runs.

A page calls `ask` with a form and a function. Action and audit entry share one transaction; where
the function raises, it is rolled back and the form shows the message.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.utils import DataError, IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _
from psycopg.errors import UniqueViolation
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from core.errors import ParleyError

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class DayWidget(UnfoldAdminTextInputWidget):
    """A date input."""

    input_type = "date"


WIDGETS: dict[type[forms.Field], type[forms.Widget]] = {
    forms.CharField: UnfoldAdminTextInputWidget,
    forms.IntegerField: UnfoldAdminIntegerFieldWidget,
    forms.DecimalField: UnfoldAdminDecimalFieldWidget,
    forms.DateField: DayWidget,
    forms.FileField: UnfoldAdminFileFieldWidget,
    forms.BooleanField: UnfoldBooleanWidget,
}
LONGEST_REASON = 200
NOTHING = _("Nothing.")


class StyledForm(forms.Form):
    """A form whose fields get Unfold's widgets; fields named in `long` get text areas."""

    long: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, one in self.fields.items():
            one.widget = self._widget(name, one)
            one.widget.is_required = one.required

    def _widget(self, name: str, one: forms.Field) -> forms.Widget:
        if isinstance(one.widget, forms.HiddenInput):
            return one.widget
        if isinstance(one, forms.ChoiceField | forms.ModelChoiceField):
            choice: forms.Widget = UnfoldAdminSelectWidget(choices=one.choices)
            return choice
        kind = (
            UnfoldAdminTextareaWidget
            if name in self.long
            else WIDGETS.get(type(one), UnfoldAdminTextInputWidget)
        )
        made: forms.Widget = kind(attrs=one.widget_attrs(kind()))
        return made


def new_deed() -> str:
    """A new idempotency key."""
    return str(uuid4())


class OnceForm(StyledForm):
    """A form of a deed that is done once, however often it is sent: its key is in the page."""

    deed = forms.CharField(
        initial=new_deed, required=False, max_length=80, widget=forms.HiddenInput
    )

    def clean_deed(self) -> str:
        """The key of the page; a new one where none was sent."""
        return self.cleaned_data["deed"] or new_deed()


class ReasonForm(StyledForm):
    """The reason of an action, for the audit log."""

    reason = forms.CharField(
        label=_("Reason"), max_length=LONGEST_REASON, help_text=_("Kept in the audit log.")
    )


@dataclass(frozen=True, slots=True)
class Table:
    """A table shown under a question; cells are text."""

    title: StrOrPromise
    head: Sequence[StrOrPromise]
    rows: Sequence[Sequence[Any]]
    empty: StrOrPromise = NOTHING


@dataclass(slots=True)
class Question:
    """A confirmation page: title, button, text, and tables."""

    title: StrOrPromise
    button: StrOrPromise
    words: StrOrPromise = ""
    tables: list[Table] = field(default_factory=list)
    is_danger: bool = False


def ask(
    request: HttpRequest,
    pages: ModelAdmin[Any],
    question: Question,
    *,
    form: type[StyledForm] | Callable[..., StyledForm],
    do: Callable[[dict[str, Any]], StrOrPromise],
    back: str,
) -> HttpResponse:
    """Show the form; once it is valid, call `do` with its data in one transaction.

    Redirects to `back` with the message that `do` returns. What `do` raises as ParleyError,
    ValidationError or database error is shown on the form.
    """
    filled = form(request.POST, request.FILES) if request.method == "POST" else form(None)
    if request.method == "POST" and filled.is_valid():
        try:
            with transaction.atomic():
                said = do(filled.cleaned_data)
        except (ParleyError, ValidationError, IntegrityError, DataError) as error:
            filled.add_error(None, refusal_of(error))
        else:
            messages.success(request, str(said))
            return HttpResponseRedirect(back)
    return show(request, pages, question, form=filled, back=back)


def show(
    request: HttpRequest,
    pages: ModelAdmin[Any],
    question: Question,
    *,
    form: forms.Form | None = None,
    back: str,
) -> HttpResponse:
    """The page of a question; without a form it is only to be read."""
    context = {
        **pages.admin_site.each_context(request),
        "title": question.title,
        "opts": pages.opts,
        "question": question,
        "form": form,
        "back": back,
    }
    return TemplateResponse(
        request, "admin/ask.html", context, status=400 if form is not None and form.errors else 200
    )


def refusal_of(error: Exception) -> str:
    """The message of a refused action or of the database, as one sentence."""
    if isinstance(error, ParleyError):
        return error.message
    if isinstance(error, ValidationError):
        return " ".join(error.messages)
    found = getattr(error.__cause__, "diag", None)
    # For a duplicate the detail names the key; for others it would contain the whole row.
    is_duplicate = isinstance(error.__cause__, UniqueViolation)
    return str(
        (found and (found.message_detail if is_duplicate else found.message_primary)) or error
    )
