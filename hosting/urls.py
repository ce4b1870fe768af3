"""Addresses of hosting's pages; the Cloud API's are in `hosting.api.urls`."""

from django.urls import path

from hosting.views import inbox, log, phone, search, webhooks

urlpatterns = [
    path("inbox/", inbox.inbox, name="inbox"),
    path("inbox/rows/", inbox.rows, name="inbox_rows"),
    path("inbox/<uuid:public_id>/", inbox.thread, name="inbox_thread"),
    path("inbox/<uuid:public_id>/messages/", inbox.stretch, name="inbox_messages"),
    path("inbox/<uuid:public_id>/reply/", inbox.reply, name="inbox_reply"),
    path("inbox/<uuid:public_id>/templates/", inbox.templates, name="inbox_templates"),
    path("inbox/<uuid:public_id>/resolve/", inbox.resolve, name="inbox_resolve"),
    path("inbox/<uuid:public_id>/assign/", inbox.assign, name="inbox_assign"),
    path("search/", search.page, name="search"),
    path("messages/", log.messages, name="messages"),
    path("messages/<int:message_id>/", log.message, name="message"),
    path("messages/media/<str:media_id>/", log.media, name="message_media"),
    path("messages/media/<str:media_id>/thumbnail/", log.thumbnail, name="message_thumbnail"),
    path("settings/webhooks/", webhooks.webhooks, name="webhooks"),
    path("settings/webhooks/add/", webhooks.add, name="add_webhook"),
    path("settings/webhooks/log/", webhooks.log, name="webhook_log"),
    path("settings/webhooks/calls/<uuid:public_id>/", webhooks.call, name="webhook_call"),
    path("settings/webhooks/calls/<uuid:public_id>/replay/", webhooks.replay, name="replay_call"),
    path("settings/webhooks/accounts/<str:waba_id>/secret/", webhooks.change_secret, name="change_secret"),
    path("settings/webhooks/<uuid:public_id>/", webhooks.webhook, name="webhook"),
    path("settings/webhooks/<uuid:public_id>/switch/", webhooks.switch, name="switch_webhook"),
    path("settings/webhooks/<uuid:public_id>/fields/", webhooks.choose_fields, name="webhook_fields"),
    path("settings/webhooks/<uuid:public_id>/check/", webhooks.check, name="check_webhook"),
    path("settings/webhooks/<uuid:public_id>/test/", webhooks.test, name="test_webhook"),
    path("settings/webhooks/<uuid:public_id>/rerun/", webhooks.rerun, name="rerun_webhook"),
    path("settings/webhooks/<uuid:public_id>/remove/", webhooks.remove, name="remove_webhook"),
    path("phone/", phone.phones, name="phones"),
    path("phone/<int:handset_id>/", phone.phone, name="phone"),
    path("phone/<int:handset_id>/switch/", phone.switch, name="phone_switch"),
    path("phone/<int:handset_id>/<str:phone_number_id>/", phone.chat, name="phone_chat"),
    path("phone/<int:handset_id>/<str:phone_number_id>/write/", phone.write, name="phone_write"),
]
