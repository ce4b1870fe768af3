"""URLs of the Cloud API, with and without a version, and of incoming webhooks."""

from django.urls import re_path

from hosting.api import (
    accounts,
    analytics,
    fast_path,
    flows,
    graph,
    media,
    messages,
    nodes,
    numbers,
    refusals,
    settings,
    subscriptions,
    templates,
)
from hosting.api.paths import ACCOUNT, FLOW, NUMBER, VERSION

urlpatterns = [
    *fast_path.ROUTES,
    # As 360dialog has it: the API key alone names the number.
    re_path(VERSION + r"messages/?$", messages.messages, name="cloudapi_messages_by_key"),
    re_path(NUMBER + r"media/?$", media.upload, name="cloudapi_media"),
    re_path(VERSION + r"media/?$", media.upload, name="cloudapi_media_by_key"),
    re_path(r"^media/(?P<token>[A-Za-z0-9:_.=-]{1,300})$", media.download, name="media_download"),
    re_path(
        VERSION + r"(?:app|[0-9]{1,32})/uploads/?$", media.start_upload, name="cloudapi_uploads"
    ),
    re_path(
        VERSION + r"upload:(?P<upload_id>[A-Za-z0-9_-]{1,64})$",
        media.resume_upload,
        name="cloudapi_upload",
    ),
    re_path(NUMBER + r"whatsapp_business_profile/?$", numbers.profile, name="cloudapi_profile"),
    re_path(NUMBER + r"whatsapp_commerce_settings/?$", numbers.commerce, name="cloudapi_commerce"),
    re_path(NUMBER + r"block_users/?$", numbers.block_users, name="cloudapi_block_users"),
    re_path(NUMBER + r"message_qrdls/?$", numbers.chat_links, name="cloudapi_chat_links"),
    re_path(
        NUMBER + r"message_qrdls/(?P<code>[A-Z0-9]{1,14})/?$",
        numbers.chat_link,
        name="cloudapi_chat_link",
    ),
    re_path(NUMBER + r"register/?$", numbers.register, name="cloudapi_register"),
    re_path(NUMBER + r"deregister/?$", numbers.deregister, name="cloudapi_deregister"),
    re_path(NUMBER + r"request_code/?$", numbers.request_code, name="cloudapi_request_code"),
    re_path(NUMBER + r"verify_code/?$", numbers.verify_code, name="cloudapi_verify_code"),
    re_path(
        NUMBER + r"message_history/?$", numbers.message_history, name="cloudapi_message_history"
    ),
    re_path(r"^qr/(?P<code>[A-Z0-9]{1,14})\.(?P<form>svg|png)$", numbers.qr_image, name="qr_image"),
    re_path(ACCOUNT + r"activities/?$", nodes.activities, name="cloudapi_activities"),
    re_path(ACCOUNT + r"phone_numbers/?$", nodes.phone_numbers, name="cloudapi_phone_numbers"),
    re_path(
        ACCOUNT + r"message_templates/?$",
        templates.message_templates,
        name="cloudapi_message_templates",
    ),
    re_path(
        ACCOUNT + r"upsert_message_templates/?$",
        templates.upsert,
        name="cloudapi_upsert_message_templates",
    ),
    re_path(
        VERSION + r"(?P<object_id>[0-9]{1,32})/unpause/?$",
        templates.unpause,
        name="cloudapi_unpause",
    ),
    re_path(
        VERSION + r"(?P<business_id>[0-9]{1,32})/(?:owned|client)_whatsapp_business_accounts/?$",
        nodes.owned_accounts,
        name="cloudapi_accounts",
    ),
    re_path(
        ACCOUNT + r"(?P<name>analytics|[a-z]{1,30}_analytics)/?$",
        analytics.account_edge,
        name="cloudapi_analytics",
    ),
    re_path(
        ACCOUNT + r"subscribed_apps/?$",
        subscriptions.subscribed_apps,
        name="cloudapi_subscribed_apps",
    ),
    *[
        re_path(NUMBER + rf"{path}/?$", view, name=f"cloudapi_{path}")
        for path, view in (
            ("marketing_messages", messages.marketing_messages),
            ("settings", settings.number_settings),
            ("conversational_automation", settings.automation),
            ("business_compliance_info", settings.compliance),
            ("whatsapp_business_encryption", settings.encryption),
            ("official_business_account", settings.official),
            ("calls", settings.calls),
            ("call_permissions", settings.calls),
            ("groups", settings.groups),
            ("messages_encrypted", settings.encrypted),
        )
    ],
    *[
        re_path(ACCOUNT + rf"{path}/?$", view, name=f"cloudapi_{path}")
        for path, view in (
            ("flows", flows.flows),
            ("migrate_flows", flows.migrate),
            ("assigned_users", accounts.assigned_users),
            ("schedules", accounts.schedules),
        )
    ],
    *[
        re_path(FLOW + rf"{path}/?$", view, name=f"cloudapi_flow_{path}")
        for path, view in (
            ("assets", flows.assets),
            ("publish", flows.publish),
            ("deprecate", flows.deprecate),
        )
    ],
    re_path(r"^flows/(?P<token>[A-Za-z0-9:_=-]{1,100})$", flows.download, name="flow_download"),
    re_path(
        VERSION + r"(?P<history_id>[0-9]{1,32})/events/?$",
        numbers.history_events,
        name="cloudapi_history_events",
    ),
    re_path(VERSION + r"me/?$", accounts.me, name="cloudapi_me"),
    re_path(VERSION + r"debug_token/?$", accounts.debug_token, name="cloudapi_debug_token"),
    re_path(
        VERSION + r"oauth/access_token/?$", accounts.access_token, name="cloudapi_access_token"
    ),
    re_path(
        VERSION + r"(?P<app_id>[0-9]{1,32})/subscriptions/?$",
        accounts.app_subscriptions,
        name="cloudapi_app_subscriptions",
    ),
    re_path(
        VERSION + rf"(?P<object_id>[0-9A-Za-z_=-]{{1,150}})/(?P<edge>{refusals.PATHS})/?$",
        refusals.refused,
        name="cloudapi_refused",
    ),
    # Ids of groups are base64 of a text that begins alike.
    re_path(
        VERSION + r"(?P<group_id>Y2Fw[0-9A-Za-z_=-]{1,146})/?$",
        refusals.group,
        name="cloudapi_group",
    ),
    re_path(VERSION + r"(?P<object_id>[0-9]{1,32})/?$", graph.node, name="cloudapi_node"),
]
