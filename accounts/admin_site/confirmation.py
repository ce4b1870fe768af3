"""Asking an operator before something is done: a form on a page of the admin, one deed, one line in the audit log.

A page calls `ask` with a form and a function that does it. What the verb refuses is said on the form, and the
transaction of the deed and its audit row is rolled back: nothing happened.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

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


class DayWidget(UnfoldAdminTextInputWidget):  # type: ignore[misc]
    """The browser's own calendar."""

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


class HouseForm(forms.Form):
    """A form in the admin's look: each field gets Unfold's widget of its kind."""

    long: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, one in self.fields.items():
            one.widget = self._widget(name, one)
            one.widget.is_required = one.required

    def _widget(self, name: str, one: forms.Field) -> forms.Widget:
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


class ReasonForm(HouseForm):
    """Why it is done; kept in the audit log."""

    reason = forms.CharField(
        label=_("Reason"), max_length=LONGEST_REASON, help_text=_("Kept in the audit log.")
    )


@dataclass(frozen=True, slots=True)
class Table:
    """Rows shown under a question; cells are text."""

    title: StrOrPromise
    head: Sequence[StrOrPromise]
    rows: Sequence[Sequence[Any]]
    empty: StrOrPromise = NOTHING


@dataclass(slots=True)
class Question:
    """What an operator is asked: a title, some words, tables to look at, the button."""

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
    form: type[HouseForm] | Callable[..., HouseForm],
    do: Callable[[dict[str, Any]], StrOrPromise],
    back: str,
) -> HttpResponse:
    """Show the form; once it is sent and valid, `do` it in one transaction and go `back` with the sentence it returns."""
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
    """The page of a question; without a form it is to look at."""
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
    """What a verb or the database says, as one sentence."""
    if isinstance(error, ParleyError):
        return error.message
    if isinstance(error, ValidationError):
        return " ".join(error.messages)
    found = getattr(error.__cause__, "diag", None)
    # Of a clash the detail names the key; elsewhere it would show the whole row.
    clash = isinstance(error.__cause__, UniqueViolation)
    return str((found and (found.message_detail if clash else found.message_primary)) or error)
