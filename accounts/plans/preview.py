"""Preview of a change of a plan that businesses are on, for operators to confirm."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.admin_site.confirmation import Question, Table
from accounts.models import Business, Plan
from accounts.plans import usage
from core import money

CONFIRMED = "_confirmed"
# Fields whose change does not affect businesses.
COSMETIC = {"name", "is_public"}


def question(plan: Plan, form: forms.ModelForm[Plan]) -> Question | None:
    """The question to confirm a change, with what changes and who is over the new limits.

    None where no business is affected. `form` must be valid and bound to `plan`.
    """
    affecting = [name for name in form.changed_data if name not in COSMETIC]
    touched = Business.objects.filter(plan=plan.pk).count() if affecting else 0
    if not touched:
        return None
    words = ngettext(
        "%(count)s business is on this plan, and the change holds for it at once.",
        "%(count)s businesses are on this plan, and the change holds for them at once.",
        touched,
    ) % {"count": f"{touched:,}"}
    return Question(
        _("Change the plan %(plan)s?") % {"plan": form.initial["name"]},
        _("Save the change"),
        words,
        [_changes(plan, form, affecting), _over(plan, form, affecting)],
    )


def _changes(plan: Plan, form: forms.ModelForm[Plan], affecting: list[str]) -> Table:
    rows = [
        (
            _label(form, name),
            _value(plan, name, form.initial.get(name)),
            _value(plan, name, form.cleaned_data[name]),
        )
        for name in affecting
    ]
    return Table(_("What changes"), (_("Field"), _("Before"), _("After")), rows)


def _over(plan: Plan, form: forms.ModelForm[Plan], affecting: list[str]) -> Table:
    """New limits that some businesses exceed already."""
    counts = usage.businesses_over(plan, {name: form.cleaned_data[name] for name in affecting})
    rows = [
        (_label(form, name), _shown(form.cleaned_data[name]), f"{count:,}")
        for name, count in counts.items()
        if count
    ]
    return Table(
        _("Over the new limit"),
        (_("Limit"), _("After"), _("Businesses over it")),
        rows,
        _("No business uses more than the new limits."),
    )


def _label(form: forms.ModelForm[Plan], name: str) -> str:
    return str(form.fields[name].label or name).capitalize()


def _value(plan: Plan, name: str, value: Any) -> str:
    if name == "monthly_fee_micros" and isinstance(value, int):
        return money.show_micros(value, plan.currency)
    return _shown(value)


def _shown(value: Any) -> str:
    if value is None:
        return str(_("no limit"))
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def confirmed_form(sent: QueryDict) -> forms.Form:
    """A hidden form that repeats the sent values together with the confirmation."""
    values = {name: value for name, value in sent.items() if name != "csrfmiddlewaretoken"} | {
        CONFIRMED: "yes"
    }
    form = forms.Form()
    form.fields = {
        name: forms.CharField(initial=value, widget=forms.HiddenInput)
        for name, value in values.items()
    }
    return form
