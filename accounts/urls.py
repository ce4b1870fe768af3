"""Addresses of the account pages; logging in is allauth's, under /account/."""

from django.urls import path

from accounts import views

urlpatterns = [
    path("", views.home, name="home"),
    path("you/", views.you, name="you"),
    path("you/business/", views.switch, name="switch_business"),
    path("you/language/", views.language, name="language"),
    path("keys/", views.keys, name="keys"),
    path("keys/<int:key_id>/revoke/", views.revoke_key, name="revoke_key"),
]
