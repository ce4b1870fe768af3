"""Addresses of the money pages."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
