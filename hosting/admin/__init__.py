"""Admin of hosting: records, template review, queues."""

from hosting.admin import message_templates as message_templates
from hosting.admin import queues as queues
from hosting.admin import records as records
from hosting.admin import upstreams as upstreams
