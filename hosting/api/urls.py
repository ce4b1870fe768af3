"""Cloud API paths, with and without a version, and the webhook door."""

from django.urls import re_path

from hosting.api import messages, nodes, subscriptions, webhooks

V = r"^(?:v[0-9]+(?:\.[0-9]+)?/)?"

urlpatterns = [
    re_path(V + r"(?P<phone_number_id>[0-9]{1,32})/messages/?$", messages.messages, name="cloudapi_messages"),
    re_path(r"^webhooks/(?:(?P<waba_id>[0-9]{1,32})/?)?$", webhooks.door, name="webhook_door"),
    re_path(V + r"(?P<waba_id>[0-9]{1,32})/phone_numbers/?$", nodes.phone_numbers, name="cloudapi_phone_numbers"),
    re_path(
        V + r"(?P<waba_id>[0-9]{1,32})/message_templates/?$", nodes.message_templates, name="cloudapi_message_templates"
    ),
    re_path(
        V + r"(?P<waba_id>[0-9]{1,32})/subscribed_apps/?$",
        subscriptions.subscribed_apps,
        name="cloudapi_subscribed_apps",
    ),
    re_path(V + r"(?P<object_id>[0-9]{1,32})/?$", nodes.number_node, name="cloudapi_node"),
]
