"""Admin of shops: what is sold and ordered, to look at, and the rows that wait or gave up."""

from shops.admin import queues as queues
from shops.admin import records as records
