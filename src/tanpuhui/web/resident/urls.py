"""Addresses of a resident's own account."""

from django.urls import path

from tanpuhui.web.resident import views

app_name = "resident"
urlpatterns = [path("", views.home, name="home")]
