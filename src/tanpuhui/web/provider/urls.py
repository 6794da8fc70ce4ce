"""Addresses of an organisation that reports acts; the organisation's code is in each."""

from django.urls import path

from tanpuhui.access.models import Organisation
from tanpuhui.web.provider import views
from tanpuhui.web.shared.homes import homes_of

app_name = "provider"
urlpatterns = [
    path("", homes_of(Organisation.PROVIDER), name="homes"),
    path("<slug:organisation>/", views.home, name="home"),
]
