"""Admin of shops: read-only records and queues."""

from shops.admin import queues as queues
from shops.admin import records as records
