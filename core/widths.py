"""Widths of text columns, in characters: one constant for each kind of value.

A value is copied along chains of tables (contact, simulated phone, delivery, quarantine), so all
columns of a kind have the same width: what fits into the first fits into the last. Whoever takes a
value in refuses it, or cuts it, by the same constant. `tests/test_widths.py` says which columns are
of which kind, and fails where two of a kind differ.
"""

from typing import Final

# Who a customer is: digits of a number, or a user id of the network (two letters, a dot and up to
# 128 characters). A longer one is not taken: cut, it would be somebody else's.
PERSON_ID: Final = 150
# What a customer calls themselves, or is called by a business: a longer one is cut.
PERSON_NAME: Final = 200
USERNAME: Final = 100
BUSINESS_NAME: Final = 120

# Messages and what the network calls its objects: accounts, numbers, templates, files, catalogues.
WAMID: Final = 256
OBJECT_ID: Final = 64
MESSAGE_KIND: Final = 20
MESSAGE_STATUS: Final = 10
TRANSPORT: Final = 20
CATEGORY: Final = 30
LANGUAGE: Final = 15
TEMPLATE_NAME: Final = 512
FLOW_NAME: Final = 200
BROADCAST_NAME: Final = 120
WEBHOOK_FIELD: Final = 60

FILENAME: Final = 240
MIME_TYPE: Final = 120
SHA256: Final = 64

MARKET: Final = 60
RULE: Final = 20
CURRENCY: Final = 3
COUNTRY: Final = 2
VAT_ID: Final = 40
TAX_CATEGORY: Final = 2
TIMEZONE: Final = 64
TAX_PLACE: Final = 6
TAX_NAME: Final = 20
TAX_SOURCE: Final = 200

# Parties of an invoice: address, contact, company number and electronic address.
POSTCODE: Final = 20
CITY: Final = 80
REGION: Final = 40
COMPANY_NUMBER: Final = 60
CONTACT_NAME: Final = 80
PHONE: Final = 40
ENDPOINT_SCHEME: Final = 4
ENDPOINT_ID: Final = 80
NUMBER_PREFIX: Final = 20
DOCUMENT_NUMBER: Final = 40
DOCUMENT_NAME: Final = 120
LINE_DESCRIPTION: Final = 200
# Why something was done, for readers.
REASON: Final = 200
ROLE: Final = 20
PLAN_CODE: Final = 40
EMAIL: Final = 254

# What a payment network calls its objects, says of failures, and where it wants the buyer.
PAYMENT_ID: Final = 120
PAYMENT_KEY: Final = 80
PAYMENT_STATUS: Final = 10
PAYMENT_WAY: Final = 10
PAYMENT_METHOD: Final = 10
PAYMENT_URL: Final = 500
GATEWAY_EVENT_KIND: Final = 80
FAILURE: Final = 200

PRODUCT_TITLE: Final = 200
RETAILER_ID: Final = 100
COLLECTION_NAME: Final = 80
DELIVERY_NAME: Final = 80
