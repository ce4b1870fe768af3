"""Paths of hosting below /api/v1/."""

from django.urls import path

from hosting.api.v1 import contacts, conversations, media, messages, search, transfers, webhooks

urlpatterns = [
    path("conversations/", conversations.Conversations.as_view(), name="api_conversations"),
    path(
        "conversations/<uuid:public_id>/",
        conversations.ConversationById.as_view(),
        name="api_conversation",
    ),
    path(
        "conversations/<uuid:public_id>/messages/",
        conversations.ConversationMessages.as_view(),
        name="api_conversation_messages",
    ),
    path("messages/", messages.Messages.as_view(), name="api_messages"),
    path("messages/<int:message_id>/", messages.MessageById.as_view(), name="api_message"),
    path("contacts/", contacts.Contacts.as_view(), name="api_contacts"),
    path("contacts/<int:contact_id>/", contacts.ContactById.as_view(), name="api_contact"),
    path(
        "contacts/<int:contact_id>/merge/",
        contacts.ContactMerge.as_view(),
        name="api_contact_merge",
    ),
    path(
        "contacts/<int:contact_id>/data/", contacts.ContactData.as_view(), name="api_contact_data"
    ),
    path("search/", search.Search.as_view(), name="api_search"),
    path("media/", media.MediaList.as_view(), name="api_media_list"),
    path("media/<str:media_id>/", media.MediaById.as_view(), name="api_media"),
    path("webhooks/", webhooks.Webhooks.as_view(), name="api_webhooks"),
    path("webhooks/<uuid:public_id>/", webhooks.WebhookById.as_view(), name="api_webhook"),
    path(
        "accounts/<str:waba_id>/previous-secret/",
        webhooks.PreviousSecret.as_view(),
        name="api_previous_secret",
    ),
    path(
        "webhook-deliveries/", webhooks.WebhookDeliveries.as_view(), name="api_webhook_deliveries"
    ),
    path(
        "webhook-deliveries/<uuid:public_id>/",
        webhooks.WebhookDeliveryById.as_view(),
        name="api_webhook_delivery",
    ),
    path(
        "webhook-deliveries/<uuid:public_id>/replay/",
        webhooks.WebhookDeliveryReplay.as_view(),
        name="api_webhook_delivery_replay",
    ),
    path("imports/", transfers.Imports.as_view(), name="api_imports"),
    path("imports/<uuid:public_id>/", transfers.ImportById.as_view(), name="api_import"),
    path(
        "imports/<uuid:public_id>/start/", transfers.StartImport.as_view(), name="api_import_start"
    ),
    path(
        "imports/<uuid:public_id>/cancel/",
        transfers.CancelImport.as_view(),
        name="api_import_cancel",
    ),
    path("imports/<uuid:public_id>/undo/", transfers.UndoImport.as_view(), name="api_import_undo"),
    path("exports/", transfers.Exports.as_view(), name="api_exports"),
    path("exports/<uuid:public_id>/", transfers.ExportById.as_view(), name="api_export"),
    path(
        "exports/<uuid:public_id>/cancel/",
        transfers.CancelExport.as_view(),
        name="api_export_cancel",
    ),
]
