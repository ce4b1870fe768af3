"""Temporary: screenshots."""
import orjson
from core.tenancy import system
from hosting.inbound import events, network_notices
from hosting.models import Number, Conversation
from tests.hosting.inbound.test_other_fields import told, SAM, GROUP
