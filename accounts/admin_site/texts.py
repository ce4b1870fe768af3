"""*Open the text*: an operator reads what people wrote once, for a reason that the owner sees.

And pages of the models that no admin module names.
"""

from typing import Any

import orjson
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from accounts.admin_site.base import BODIES, ReadOnlyAdmin, is_hidden
from accounts.admin_site.confirmation import Question, ReasonForm, Table, show
from accounts.audit import record


def bodies_of(model: Any) -> list[str]:
    """Names of the columns of a model that hold what people wrote."""
    return [field.name for field in model._meta.fields if field.name in BODIES]


class TextAdmin(ReadOnlyAdmin):
    """Rows of a business that hold what people wrote, without it, and an action to open it."""

    actions_detail: Any = ("open_text",)

    def has_open_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow the support group, by its permission."""
        return bool(request.user.has_perm("accounts.open_messages"))

    @action(description=_("Open the text"), url_path="open", permissions=["open"])
    def open_text(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show a row's text once; who and why goes into the business's audit log."""
        row: Any = get_object_or_404(self.model, pk=object_id)
        name = self.opts.model_name
        form = ReasonForm(request.POST or None)
        back = reverse(f"admin:{self.opts.app_label}_{name}_change", args=[row.pk])
        if form.is_valid():
            record.record(
                action=f"{name}.opened",
                subject=f"{self.opts.verbose_name} {row.pk}",
                business=row.business_id,
                after={"reason": form.cleaned_data["reason"]},
            )
            text, tables = _shown(row)
            return show(request, self, Question(_("Messaging"), "", text, tables), back=back)
        words = _(
            "The text is shown this once. The business's owner sees that you opened it, and why."
        )
        return show(
            request, self, Question(_("Open the text"), _("Open"), words), form=form, back=back
        )


def register_the_rest(*models: type[Model]) -> None:
    """Register a read-only page for each model that has no admin page of its own."""
    for model in models:
        if not admin.site.is_registered(model):
            columns = [field.name for field in model._meta.fields if not is_hidden(field)][:6]
            # Whether there is a text to open, and a business whose owner sees that it was.
            has_text = bodies_of(model) and any(
                one.name == "business" for one in model._meta.fields
            )
            base = TextAdmin if has_text else ReadOnlyAdmin
            page = type(f"{model.__name__}Admin", (base,), {"list_display": columns})
            admin.site.register(model, page)


def _shown(row: Any) -> tuple[str, list[Table]]:
    """The text of a row, and a table with everything else that it holds of what was written."""
    others = [name for name in bodies_of(row) if name != "text"]
    cells = [(_as_text(getattr(row, name)),) for name in others]
    table = Table(_("Content"), (_("As it was sent"),), cells)
    return str(getattr(row, "text", "")), [table] if cells else []


def _as_text(value: Any) -> str:
    is_text = isinstance(value, str)
    return value if is_text else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
