"""URLs of the demo."""

from django.urls import path

from demo import views

urlpatterns = [path("demo/progress/", views.demo_progress, name="demo_progress")]
