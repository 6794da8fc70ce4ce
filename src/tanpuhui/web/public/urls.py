"""Addresses for everybody."""

from django.urls import path

from tanpuhui.web.public import views

urlpatterns = [path("", views.home, name="home")]
