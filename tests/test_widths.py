"""Columns of one kind have one width, so that what fits into one fits wherever it is copied to."""

import re
from collections import defaultdict

import pytest

from core import widths
from tests import databases

pytestmark = pytest.mark.usefixtures("django_db_setup")

# The constant of `core.widths`, and the columns of this kind.
KINDS = {
    "PERSON_ID": """
        hosting_contact.wa_id hosting_contact.user_id hosting_simulatedphone.wa_id
        hosting_block.wa_id
        hosting_broadcastrecipient.wa_id hosting_formernumber.wa_id hosting_rejectedsend.wa_id
        hosting_delivery.recipient billing_quarantine.recipient hosting_message.recipient
        hosting_parkedstatus.recipient
    """,
    "PERSON_NAME": """
        hosting_contact.name hosting_contact.alias hosting_simulatedphone.name
    """,
    "BUSINESS_NAME": """
        accounts_business.name hosting_account.name hosting_number.verified_name
        billing_billingdetails.name billing_seller.name shops_catalog.name
        billing_posting.customer
    """,
    "WAMID": """
        hosting_message.wamid hosting_message.upstream_wamid hosting_message.context_wamid
        hosting_parkedstatus.wamid hosting_receipt.wamid billing_commitment.wamid
    """,
    "OBJECT_ID": """
        hosting_account.waba_id hosting_upstream.waba_id hosting_number.phone_number_id
        hosting_parkedstatus.phone_number_id hosting_number.upstream_id
        hosting_template.template_id hosting_template.upstream_id hosting_media.media_id
        hosting_flow.flow_id
        hosting_mediafetch.upstream_id hosting_upstreammedia.upstream_id
        shops_catalog.catalog_id shops_catalog.upstream_id
    """,
    "MESSAGE_KIND": """
        hosting_message.kind hosting_delivery.kind hosting_lockedmessage.kind
        hosting_rejectedsend.kind billing_quarantine.kind
    """,
    "MESSAGE_STATUS": """
        hosting_message.status hosting_parkedstatus.status
    """,
    "TRANSPORT": """
        hosting_number.transport hosting_outgoing.transport
    """,
    "CATEGORY": """
        hosting_message.category hosting_template.category hosting_delivery.category
        billing_quarantine.category billing_charge.category billing_invoiceline.category
        billing_creditnoteline.category
        billing_rate.category billing_tally.category billing_usage.category
    """,
    "LANGUAGE": """
        hosting_template.language shops_catalog.language billing_billingdetails.language
    """,
    "MARKET": """
        billing_market.name billing_callingcode.market_id billing_rate.market_id
        billing_charge.market billing_invoiceline.market billing_creditnoteline.market
        billing_tally.market billing_usage.market
    """,
    "RULE": """
        billing_charge.rule billing_invoiceline.rule billing_tally.rule billing_usage.rule
    """,
    "CURRENCY": """
        accounts_business.currency accounts_plan.currency accounts_planterm.currency
        billing_exchangerate.currency billing_taxcountry.currency
        billing_creditnote.currency billing_defaultcard.currency billing_invoice.currency
        billing_payment.currency billing_period.currency billing_ratecard.currency
        billing_cashreceipt.currency billing_posting.currency billing_refund.currency
        billing_exchangerate.currency billing_taxcountry.currency
        billing_spendcap.currency shops_buyerpayment.currency shops_catalog.currency
        shops_order.currency hosting_reportedprice.currency
        billing_minimumcommitment.currency
        hosting_parkedstatus.price_currency
    """,
    "COUNTRY": """
        accounts_business.country billing_billingdetails.country billing_callingcode.country
        billing_seller.country billing_taxcountry.country billing_taxregion.country
        billing_taxterritory.country
    """,
    "FILENAME": """
        hosting_chatexport.filename hosting_chatimport.filename hosting_media.filename
        hosting_upload.filename shops_catalogimport.filename
    """,
    "MIME_TYPE": """
        hosting_media.mime_type hosting_upload.mime_type billing_document.content_type
    """,
    "SHA256": """
        hosting_media.sha256 billing_document.sha256 billing_export.sha256
    """,
    "DOCUMENT_NAME": """
        billing_document.name billing_export.name
    """,
    "NUMBER_PREFIX": """
        billing_numberseries.prefix billing_seller.number_prefix billing_seller.credit_prefix
    """,
    "DOCUMENT_NUMBER": """
        billing_invoice.number billing_creditnote.number billing_posting.document
    """,
    "LINE_DESCRIPTION": """
        billing_invoiceline.description billing_creditnoteline.description
        billing_discount.description billing_posting.text
    """,
    "VAT_ID": """
        billing_billingdetails.vat_id billing_seller.vat_id billing_seller.tax_number
        billing_taxregistration.number
    """,
    "TAX_PLACE": """
        billing_taxrate.place billing_taxregistration.place billing_taxterritory.taxed_as
    """,
    "TAX_CATEGORY": """
        billing_invoiceline.tax_category billing_creditnoteline.tax_category
        billing_posting.tax_category
    """,
    "TIMEZONE": "accounts_business.timezone billing_seller.timezone",
    "PAYMENT_METHOD": "billing_cashreceipt.method billing_payment.method billing_refund.method",
    "POSTCODE": "billing_billingdetails.postcode billing_seller.postcode",
    "CITY": "billing_billingdetails.city billing_seller.city",
    "REGION": "billing_billingdetails.region billing_seller.region",
    "COMPANY_NUMBER": "billing_billingdetails.registration billing_seller.registration",
    "CONTACT_NAME": "billing_billingdetails.contact_name billing_seller.contact_name",
    "PHONE": "billing_billingdetails.phone billing_seller.phone",
    "ENDPOINT_SCHEME": "billing_billingdetails.endpoint_scheme billing_seller.endpoint_scheme",
    "ENDPOINT_ID": "billing_billingdetails.endpoint_id billing_seller.endpoint_id",
    "TAX_NAME": """
        billing_taxcountry.tax_name billing_taxcountry.id_name billing_taxregion.tax_name
    """,
    "TAX_SOURCE": """
        billing_taxcountry.source billing_taxrate.source billing_taxterritory.source
    """,
    "PAYMENT_ID": """
        billing_billingdetails.customer_id billing_billingdetails.method_id
        billing_payment.reference billing_refund.reference billing_gatewayevent.event_id
        billing_cashreceipt.reference billing_posting.reference
        billing_gatewayevent.object_id shops_buyerpayment.reference shops_buyerrefund.reference
        shops_shopgatewayevent.event_id shops_shopgatewayevent.object_id
    """,
    "PAYMENT_KEY": """
        billing_payment.key billing_refund.key shops_buyerpayment.key shops_buyerrefund.key
        billing_cashreceipt.key billing_creditnote.key
    """,
    "PAYMENT_STATUS": """
        billing_payment.status billing_refund.status shops_buyerpayment.status
        shops_buyerrefund.status
    """,
    "PAYMENT_WAY": """
        shops_buyerpayment.way shops_order.way
    """,
    "PAYMENT_URL": """
        billing_payment.next_url shops_buyerpayment.next_url
    """,
    "GATEWAY_EVENT_KIND": """
        billing_gatewayevent.kind shops_shopgatewayevent.kind
    """,
    "FAILURE": """
        billing_payment.failure billing_refund.failure shops_buyerpayment.failure
        shops_buyerrefund.failure billing_export.error
    """,
    "REASON": """
        billing_creditnote.reason shops_buyerrefund.reason shops_order.reason
        accounts_business.suspended_reason billing_charge.note hosting_template.rejected_reason
    """,
    "ROLE": """
        accounts_membership.role accounts_invitation.role
    """,
    "PRODUCT_TITLE": """
        shops_product.title shops_orderline.title
    """,
    "RETAILER_ID": """
        shops_product.retailer_id shops_orderline.retailer_id shops_product.item_group
    """,
    "DELIVERY_NAME": """
        shops_deliverymethod.name shops_order.delivery_name
    """,
    "COLLECTION_NAME": """
        shops_collection.name shops_collection.slug
    """,
    "TEMPLATE_NAME": """
        hosting_template.name
    """,
    "FLOW_NAME": "hosting_flow.name",
    "BROADCAST_NAME": """
        hosting_broadcast.name
    """,
    "USERNAME": """
        hosting_contact.username
    """,
    "WEBHOOK_FIELD": "hosting_webhookcall.field hosting_networknotice.field",
    "PLAN_CODE": """
        accounts_plan.code accounts_business.plan_id accounts_business.next_plan_id
        accounts_planterm.plan_id
    """,
    "EMAIL": """
        accounts_invitation.email accounts_user.email billing_billingdetails.email
        billing_seller.email core_email.recipient accounts_auditentry.actor_name
        billing_recount.asked_by
    """,
}
# Columns with one name in several tables that are of different kinds, and so may differ.
UNRELATED = {
    "category": "of goods, in shops_product",
    "code": "of carts, chat links and plans",
    "description": "of a shop, or a line",
    "key": "of payments, mails and idempotency",
    "kind": "each table has its own list of kinds",
    "language": "of templates and catalogues, or of documents",
    "name": "of different things",
    "number": "of documents",
    "prefix": "of numbers of documents, calling codes and keys",
    "reason": "why, in words, or a word of a list",
    "recipient": "of mails: an address",
    "reference": "of the customer, in billing_billingdetails",
    "role": "of members, or of accounts of the journal",
    "slug": "in addresses of pages",
    "state": "each table has its own list of states",
    "status": "each table has its own list of statuses",
    "subject": "of mails and of audit entries",
    "text": "of notes and canned replies",
    "title": "of exports",
    "path": "where a file lies",
    "source": "of a rule of tax, the program of an import, whose credential an event has",
    "stopped_in": "a state",
}
COLUMNS = """
    SELECT table_name, column_name, character_maximum_length FROM information_schema.columns
     WHERE table_schema = 'public' AND data_type = 'character varying'
       AND table_name ~ '^(accounts|billing|core|demo|hosting|shops)_'
     ORDER BY 1, 2"""


def columns(name: str) -> dict[str, int | None]:
    with databases.admin(name) as database:
        return {
            f"{table}.{column}": width
            for table, column, width in database.execute(COLUMNS).fetchall()
        }


def test_columns_of_a_kind_are_as_wide_as_its_constant(
    database_snapshot: databases.Snapshot,
) -> None:
    found = columns(database_snapshot.name)
    for kind, names in KINDS.items():
        wanted = getattr(widths, kind)
        assert {name: found[name] for name in names.split()} == dict.fromkeys(names.split(), wanted)


def test_every_constant_has_its_columns() -> None:
    assert set(KINDS) == {name for name in vars(widths) if re.fullmatch("[A-Z0-9_]+", name)}


def test_columns_of_one_name_are_of_one_kind_or_said_to_be_unrelated(
    database_snapshot: databases.Snapshot,
) -> None:
    kind_of = {name: kind for kind, names in KINDS.items() for name in names.split()}
    by_name: dict[str, dict[str, int | None]] = defaultdict(dict)
    for full, width in columns(database_snapshot.name).items():
        by_name[full.partition(".")[2]][full] = width
    wrong = {
        name: found
        for name, found in by_name.items()
        if name not in UNRELATED
        and len(found) > 1
        and len({kind_of.get(full, full) for full in found}) > 1
    }
    assert wrong == {}
    assert set(UNRELATED) <= {name for name, found in by_name.items() if len(found) > 1}
