"""URLs of the billing pages."""

from django.urls import path

from billing.views import details, estimate, exports, invoices, payments, rates

urlpatterns = [
    path("usage/", invoices.usage, name="usage"),
    path("usage/rates/", rates.rates, name="rates"),
    path("usage/estimate/", estimate.estimate, name="estimate"),
    path("charges/<int:message_id>/", invoices.charge, name="charge"),
    path("invoices/", invoices.invoices, name="invoices"),
    path("invoices/details/", details.details, name="billing_details"),
    path("invoices/draft/", details.draft, name="invoice_draft"),
    path("invoices/exports/", exports.exports, name="finance_exports"),
    path("invoices/exports/<int:export_id>/cancel/", exports.cancel, name="finance_export_cancel"),
    path("invoices/exports/<int:export_id>/resume/", exports.resume, name="finance_export_resume"),
    path("invoices/exports/<int:export_id>/file/", exports.file, name="finance_export_file"),
    path("invoices/method/", payments.change_method, name="change_method"),
    path("invoices/method/saved/", payments.method_saved, name="method_saved"),
    path("invoices/method/drop/", payments.remove_method, name="remove_method"),
    path(
        "invoices/credit-notes/<str:number>/<slug:kind>/", invoices.credit_note, name="credit_note"
    ),
    path("pay/<str:token>/", payments.pay, name="pay"),
    path("pay/<str:token>/card/", payments.pay_by_card, name="pay_by_card"),
    path("pay/<str:token>/pdf/", payments.pay_pdf, name="pay_pdf"),
    path("invoices/<str:number>/pay/", payments.pay_now, name="pay_now"),
    path("invoices/<str:number>/", invoices.invoice, name="invoice"),
    path("invoices/<str:number>/lines/<int:position>/", invoices.invoice_line, name="invoice_line"),
    path("invoices/<str:number>/<slug:kind>/", invoices.download, name="invoice_download"),
]
