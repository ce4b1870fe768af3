"""Admin of hosting: its records, the review of templates, and the rows that wait or gave up."""

from hosting.admin import message_templates as message_templates
from hosting.admin import queues as queues
from hosting.admin import records as records
