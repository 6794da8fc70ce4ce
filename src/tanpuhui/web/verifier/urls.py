"""Addresses of a verifier; the organisation's code is in each."""

from django.urls import path

from tanpuhui.access.models import Organisation
from tanpuhui.web.shared.homes import homes_of
from tanpuhui.web.verifier import views

app_name = "verifier"
urlpatterns = [
    path("", homes_of(Organisation.VERIFIER), name="homes"),
    path("<slug:organisation>/", views.home, name="home"),
]
