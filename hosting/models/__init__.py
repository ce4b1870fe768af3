"""Models of hosting."""

from hosting.models.broadcasts import Broadcast, BroadcastRecipient, OptOutWords
from hosting.models.conversations import Block, Contact, Conversation, FormerNumber
from hosting.models.events import Event, EventSource, NetworkNotice, ParkedStatus
from hosting.models.flows import Flow, FlowStatus
from hosting.models.limits import InboundCount, LimitNotice, LockedMessage
from hosting.models.links import ChatLink, IdempotentReply
from hosting.models.media import Media, Storage, Upload
from hosting.models.message_templates import Template, TemplateStatus
from hosting.models.messages import (
    Category,
    Delivery,
    Direction,
    HostedCount,
    Message,
    Outgoing,
    ReportedPrice,
    Status,
)
from hosting.models.numbers import Account, Number, Transport
from hosting.models.phones import SimulatedPhone, SimulatedPhoneBlock
from hosting.models.rejections import RejectedSend
from hosting.models.retention import Erasure, ForgottenMessage, Retention
from hosting.models.teamwork import (
    Activity,
    CannedReply,
    ConversationLabel,
    Label,
    Mention,
    Note,
)
from hosting.models.transfers import ChatExport, ChatImport
from hosting.models.upstreams import MediaFetch, Receipt, TemplateSync, Upstream, UpstreamMedia
from hosting.models.webhooks import Webhook, WebhookCall

__all__ = [
    "Account",
    "Activity",
    "Block",
    "Broadcast",
    "BroadcastRecipient",
    "CannedReply",
    "Category",
    "ChatExport",
    "ChatImport",
    "ChatLink",
    "Contact",
    "Conversation",
    "ConversationLabel",
    "Delivery",
    "Direction",
    "Erasure",
    "Event",
    "EventSource",
    "Flow",
    "FlowStatus",
    "ForgottenMessage",
    "FormerNumber",
    "HostedCount",
    "IdempotentReply",
    "InboundCount",
    "Label",
    "LimitNotice",
    "LockedMessage",
    "Media",
    "MediaFetch",
    "Mention",
    "Message",
    "NetworkNotice",
    "Note",
    "Number",
    "OptOutWords",
    "Outgoing",
    "ParkedStatus",
    "Receipt",
    "RejectedSend",
    "ReportedPrice",
    "Retention",
    "SimulatedPhone",
    "SimulatedPhoneBlock",
    "Status",
    "Storage",
    "Template",
    "TemplateStatus",
    "TemplateSync",
    "Transport",
    "Upload",
    "Upstream",
    "UpstreamMedia",
    "Webhook",
    "WebhookCall",
]
