"""Invoices in the admin: issue, void, credit, record payments; each action is confirmed and
audited.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from accounts.admin_site.base import AuditedAdmin, ReadOnlyAdmin, ReadOnlyInline
from accounts.admin_site.confirmation import (
    LONGEST_REASON,
    OnceForm,
    Question,
    ReasonForm,
    StyledForm,
    Table,
    ask,
    show,
)
from accounts.audit import record
from billing import emails as billing_emails
from billing.admin.ledger import BusinessRowsAdmin
from billing.admin.taxes import RegistrationInline
from billing.invoices import close, credit_notes
from billing.models import (
    CashReceipt,
    CreditNote,
    CreditUse,
    Invoice,
    InvoiceLine,
    InvoiceStatus,
    NumberSeries,
    Payment,
    PaymentStatus,
    Seller,
)
from billing.payments import receipts, settlement
from core import money

# Kinds of e-mails about an invoice, previewed for operators.
EMAILS = ("invoice_issued", "payment_failed", "past_due", "suspended")


@admin.register(Seller)
class SellerAdmin(AuditedAdmin):
    """Issuer of invoices; each invoice keeps a copy."""

    inlines = (RegistrationInline,)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: invoices need a seller."""
        return False


class LineInline(ReadOnlyInline):
    """Lines of an invoice."""

    model = InvoiceLine
    fields = ("position", "kind", "description", "quantity", "unit_price_micros", "amount_minor")


class PaymentInline(ReadOnlyInline):
    """Payments of an invoice."""

    model = Payment
    fields = ("attempt", "method", "status", "amount_minor", "reference", "failure", "settled_at")


class CreditNoteInline(ReadOnlyInline):
    """Credit notes of an invoice."""

    model = CreditNote
    fields = ("number", "use", "reason", "total_minor", "issued_at")


class TransferForm(OnceForm):
    """A bank transfer as on the bank statement."""

    amount = forms.DecimalField(
        label=_("Amount"), min_value=Decimal("0.001"), max_digits=15, decimal_places=3
    )
    reference = forms.CharField(
        label=_("Reference"), max_length=120, help_text=_("As the bank's statement has it.")
    )
    value_date = forms.DateField(
        label=_("Value date"), required=False, help_text=_("Empty: today.")
    )


def credit_form(invoice: Invoice, *, use: str = "") -> type[StyledForm]:
    """A form with a field for each line of the invoice: net amount to credit, empty for none."""
    fields: dict[str, Any] = {
        "reason": forms.CharField(label=_("Reason"), max_length=LONGEST_REASON),
        "everything": forms.BooleanField(label=_("All that is left"), required=False),
    }
    if not use:
        choices = [("", _("As fits: reduces what is due, else is kept")), *CreditUse.choices]
        fields["use"] = forms.ChoiceField(label=_("Use"), choices=choices, required=False)
    for line in _lines_left(invoice):
        left = money.show_minor(line.amount_minor - (line.credited or 0), invoice.currency)
        label = _("Line %(position)s: %(text)s") % {
            "position": line.position,
            "text": line.description,
        }
        fields[f"line_{line.position}"] = forms.DecimalField(
            label=label,
            required=False,
            max_digits=15,
            decimal_places=3,
            help_text=_("Left: %(left)s") % {"left": left},
        )
    return type("CreditForm", (OnceForm,), fields)


def _lines_left(invoice: Invoice) -> QuerySet[Any]:
    return invoice.lines.annotate(credited=Sum("credits__amount_minor")).order_by("position")


def minor_of(amount: Decimal, currency: str) -> int:
    """Minor units of a typed amount; raises ValidationError for a fraction of one."""
    exact = amount.scaleb(money.exponent(currency))
    if exact != exact.to_integral_value():
        raise forms.ValidationError(
            _("%(amount)s is finer than the currency.") % {"amount": amount}
        )
    return int(exact)


def _amounts(data: dict[str, Any], currency: str) -> dict[int, int] | None:
    """Minor units by line position; None means all that is left."""
    if data["everything"]:
        return None
    typed = {
        name: value
        for name, value in data.items()
        if name.startswith("line_") and value is not None
    }
    return {
        int(name.removeprefix("line_")): minor_of(value, currency) for name, value in typed.items()
    }


@admin.register(Invoice)
class InvoiceAdmin(BusinessRowsAdmin):
    """Invoices and their payment status; actions are buttons on the invoice's page."""

    list_display = ("shown", "business", "state", "issued_at", "due_at", "total")
    list_display_links = ("shown",)
    list_select_related = ("business",)
    list_filter = ("status", "currency")
    search_fields = ("number", "business__name")
    inlines = (LineInline, PaymentInline, CreditNoteInline)
    applies: ClassVar = {
        "issue": lambda row: row.status == InvoiceStatus.DRAFT,
        "mark_paid": lambda row: row.status in settlement.PAYABLE,
        "credit": lambda row: row.status in credit_notes.CREDITABLE,
        "refund": lambda row: row.status in credit_notes.CREDITABLE and _was_paid(row),
        "void": lambda row: close.may_void(row),
        "reissue": lambda row: row.status == InvoiceStatus.VOID and not hasattr(row, "replaced_by"),
        "give_up": lambda row: row.status == InvoiceStatus.OPEN,
    }
    actions_detail = (
        "issue",
        "mark_paid",
        "credit",
        "refund",
        {"title": _("More"), "items": ["void", "reissue", "give_up", "emails"]},
    )

    @display(description=_("number"), ordering="number")
    def shown(self, invoice: Invoice) -> str:
        """The number, or `draft` with the id."""
        return str(invoice)

    @display(
        description=_("status"),
        ordering="status",
        label={
            "draft": "info",
            "open": "warning",
            "paid": "success",
            "test": "default",
            "void": "default",
            "uncollectible": "danger",
        },
    )
    def state(self, invoice: Invoice) -> tuple[str, str]:
        """Status as a label."""
        return invoice.status, invoice.get_status_display()

    @display(description=_("total"), ordering="total_minor")
    def total(self, invoice: Invoice) -> str:
        """Total with currency."""
        return money.show_minor(invoice.total_minor, invoice.currency)

    def has_act_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may change invoices; the rows themselves are never edited."""
        return request.user.has_perm("billing.change_invoice")

    @action(description=_("Issue"), url_path="issue", permissions=["act"])
    def issue(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Number and issue a draft."""
        words = _("The draft gets the next number and is final. It is e-mailed to the business.")
        return self._confirm(
            request,
            object_id,
            "approved",
            Question(_("Issue the invoice"), _("Issue"), words),
            StyledForm,
            lambda invoice, data: {"number": str(close.approve(invoice=invoice))},
        )

    @action(description=_("Void"), url_path="void", permissions=["act"])
    def void(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Void the invoice."""
        words = _("Only while no money and no credit has touched it. Its number stays taken.")
        question = Question(_("Void the invoice"), _("Void"), words, is_danger=True)
        return self._confirm(
            request,
            object_id,
            "voided",
            question,
            ReasonForm,
            lambda invoice, data: close.void(invoice=invoice),
        )

    @action(description=_("Reissue"), url_path="reissue", permissions=["act"])
    def reissue(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Issue a void invoice again."""
        words = _("The same lines under a new number, with the billing details and the tax of now.")
        return self._confirm(
            request,
            object_id,
            "reissued",
            Question(_("Reissue the invoice"), _("Reissue"), words),
            StyledForm,
            lambda invoice, data: {"new": str(close.reissue(invoice=invoice))},
        )

    @action(description=_("Give up"), url_path="give-up", permissions=["act"])
    def give_up(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Mark the invoice as uncollectible."""
        words = _(
            "It stays owed, and a late payment still settles it; nobody is reminded any more."
        )
        question = Question(_("Mark as uncollectible"), _("Give up"), words, is_danger=True)
        return self._confirm(
            request,
            object_id,
            "given_up",
            question,
            ReasonForm,
            lambda invoice, data: close.mark_uncollectible(invoice=invoice),
        )

    @action(description=_("Mark paid"), url_path="mark-paid", permissions=["act"])
    def mark_paid(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Record a bank transfer."""

        def transfer(invoice: Invoice, data: dict[str, Any]) -> None:
            receipts.record_transfer(
                invoice=invoice,
                amount_minor=minor_of(data["amount"], invoice.currency),
                reference=data["reference"],
                value_date=data["value_date"],
                key=data["deed"],
            )

        words = _(
            "%(due)s is due. A part may be paid; the rest stays due. What is paid over it stays "
            "the customer's and pays the next invoice."
        ) % {"due": self._due(object_id)}
        question = Question(_("Note a bank transfer"), _("Mark paid"), words)
        return self._confirm(request, object_id, "transfer_noted", question, TransferForm, transfer)

    @action(description=_("Credit"), url_path="credit", permissions=["act"])
    def credit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Write a credit note for the whole invoice or by line."""
        return self._credit(request, object_id, "")

    @action(description=_("Refund"), url_path="refund", permissions=["act"])
    def refund(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Write a credit note whose amount is refunded."""
        return self._credit(request, object_id, CreditUse.REFUND)

    def _credit(self, request: HttpRequest, object_id: str, use: str) -> HttpResponse:
        invoice = get_object_or_404(Invoice, pk=object_id)

        def write(invoice: Invoice, data: dict[str, Any]) -> dict[str, Any]:
            chosen = use or data["use"]
            note = credit_notes.credit(
                invoice=invoice,
                reason=data["reason"],
                amounts=_amounts(data, invoice.currency),
                use=CreditUse(chosen) if chosen else None,
                key=data["deed"],
            )
            return {"note": note.number, "total_minor": note.total_minor, "use": note.use}

        words = _(
            "Net amounts by line; tax follows. Never more than is left of a line. What is due is "
            "reduced first; the rest is kept or paid back."
        )
        question = (
            Question(_("Pay money back"), _("Refund"), words, is_danger=True)
            if use
            else Question(_("Write a credit note"), _("Credit"), words)
        )
        verb = "refunded" if use else "credited"
        return self._confirm(
            request, object_id, verb, question, credit_form(invoice, use=use), write
        )

    @action(description=_("E-mails"), url_path="emails")
    def emails(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """E-mails about the invoice: those stored, and previews of each kind."""
        invoice = get_object_or_404(Invoice, pk=object_id)
        written = [
            (mail.subject, mail.recipient, mail.get_state_display(), mail.sent_at or "")
            for mail in billing_emails.of_invoice(invoice)
        ]
        tables = [
            Table(
                _("Outbox"),
                (_("Subject"), _("To"), _("State"), _("Sent")),
                written,
                _("None was written."),
            )
        ]
        for about in EMAILS:
            mail = billing_emails.preview(invoice, about, failure="card declined", step=1)
            tables.append(Table(about, (_("Subject"), _("Text")), [(mail.subject, mail.text)]))
        question = Question(_("E-mails of %(invoice)s") % {"invoice": invoice}, "", tables=tables)
        return show(request, self, question, back=_admin_url(invoice))

    def _due(self, object_id: str) -> str:
        invoice = get_object_or_404(Invoice, pk=object_id)
        return money.show_minor(invoice.due_now(), invoice.currency)

    def _confirm(
        self,
        request: HttpRequest,
        object_id: str,
        verb: str,
        question: Question,
        form: type[StyledForm],
        do: Callable[[Invoice, dict[str, Any]], dict[str, Any] | None],
    ) -> HttpResponse:
        invoice = get_object_or_404(Invoice, pk=object_id)
        before = {"status": invoice.status, "due_minor": invoice.due_now()}

        def run(data: dict[str, Any]) -> Any:
            if (deed := data.get("deed")) and _was_done(invoice, deed):
                return _("This was done already; nothing was done twice.")
            more = do(invoice, data) or {}
            invoice.refresh_from_db()
            after = {
                "status": invoice.status,
                "due_minor": invoice.due_now(),
                **_given(data),
                **more,
            }
            record.record(
                action=f"invoice.{verb}",
                subject=invoice,
                business=invoice.business_id,
                before=before,
                after=after,
            )
            return _("%(invoice)s: %(title)s, done.") % {
                "invoice": invoice,
                "title": question.title,
            }

        question.tables.append(_lines_table(invoice))
        return ask(request, self, question, form=form, do=run, back=_admin_url(invoice))


def _was_paid(invoice: Invoice) -> bool:
    return invoice.payments.filter(status=PaymentStatus.SUCCEEDED).exists()


def _was_done(invoice: Invoice, deed: str) -> bool:
    """Whether a deed of money with this key is in the books of the invoice's customer."""
    rows: tuple[type[Any], ...] = (CreditNote, CashReceipt)
    return any(
        row.objects.filter(business_id=invoice.business_id, key=deed).exists() for row in rows
    )


def _given(data: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in data.items()
        if value not in (None, "", False) and name != "deed"
    }


def _admin_url(invoice: Invoice) -> str:
    return reverse("admin:billing_invoice_change", args=[invoice.pk])


def _lines_table(invoice: Invoice) -> Table:
    rows = [
        (
            line.position,
            line.description,
            f"{line.quantity:,}",
            money.show_minor(line.amount_minor, invoice.currency),
        )
        for line in invoice.lines.all()
    ]
    title = _("%(invoice)s of %(business)s, %(total)s, %(status)s") % {
        "invoice": invoice,
        "business": invoice.business,
        "total": money.show_minor(invoice.total_minor, invoice.currency),
        "status": invoice.get_status_display(),
    }
    return Table(title, (_("Line"), _("What"), _("Quantity"), _("Net")), rows)


@admin.register(InvoiceLine)
class InvoiceLineAdmin(BusinessRowsAdmin):
    """Lines of all invoices."""

    list_display = ("invoice", "position", "kind", "description", "quantity", "amount_minor")
    list_select_related = ("invoice",)
    list_filter = ("kind", "category")
    search_fields = ("invoice__number",)
    ordering = ("-id",)


@admin.register(NumberSeries)
class NumberSeriesAdmin(ReadOnlyAdmin):
    """Last numbers of the number series."""

    list_display: ClassVar = ("prefix", "year", "last")
