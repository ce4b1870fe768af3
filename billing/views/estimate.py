"""Estimate page: cost of a campaign before it is sent."""

from collections import Counter
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from accounts.access import BusinessRequest, member_page
from accounts.models import AGENTS, Business, Role
from billing.pricing import estimate as pricing_estimate
from core.errors import BadInput
from hosting.broadcasts import recipients
from hosting.broadcasts.drafts import PREFIX_DIGITS
from hosting.models import Category, Template


class EstimateForm(forms.Form):
    """A category or template, and the recipients' numbers."""

    what = forms.ChoiceField(label=_("Template or category"))
    list = forms.CharField(
        required=False,
        max_length=2_500_000,
        label=_("Paste numbers"),
        help_text=_("One a line, with country code."),
        widget=forms.Textarea(
            attrs={"rows": 6, "spellcheck": "false", "placeholder": "+49 151 23456789"}
        ),
    )
    file = forms.FileField(
        required=False,
        label=_("Or choose a CSV file"),
        help_text=_("Up to 100,000 rows; nothing of it is kept."),
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,.tsv,text/csv,text/plain"}),
    )

    def __init__(self, business: Business, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        templates = (
            Template.objects.live()
            .filter(business=business, status="APPROVED")
            .order_by("name", "language")
        )
        self.categories = {one.template_id: one.category for one in templates}
        self.categories |= {value: value for value in Category.values}
        chosen: Any = self.fields["what"]
        own = [(one.template_id, f"{one} · {one.get_category_display()}") for one in templates]
        chosen.choices = [
            (_("Categories"), list(Category.choices)),
            *([(_("Templates"), own)] if own else []),
        ]

    def addresses(self) -> recipients.RecipientList:
        """The numbers of a valid form; raises BadInput where there are none."""
        file = self.cleaned_data["file"]
        text = (
            recipients.decoded(file.read(recipients.MAX_BYTES + 1))
            if file
            else self.cleaned_data["list"]
        )
        return recipients.parse_list(text)


@member_page(*AGENTS, Role.FINANCE)
def estimate(request: BusinessRequest) -> HttpResponse:
    """Cost of messages to pasted or uploaded numbers, by market and tier, and in all."""
    form = EstimateForm(
        request.business, *((request.POST, request.FILES) if request.method == "POST" else ())
    )
    context: dict[str, Any] = {"form": form}
    if request.method == "POST" and form.is_valid():
        try:
            found = form.addresses()
            counts = Counter(one.wa_id[:PREFIX_DIGITS] for one in found.found)
            category = form.categories[form.cleaned_data["what"]]
            estimated = pricing_estimate.estimate(
                request.business, category=category, counts=counts
            )
            context |= {
                "found": found,
                "invalid": found.invalid[:20],
                "forecast": {"estimate": estimated},
            }
        except BadInput as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
    return render(
        request, "billing/pricing/estimate.html", context, status=422 if form.errors else 200
    )
