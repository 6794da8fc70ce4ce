"""Addresses of a company; the organisation's code is in each."""

from django.urls import path

from tanpuhui.access.models import Organisation
from tanpuhui.web.company import views
from tanpuhui.web.shared import members, sponsor
from tanpuhui.web.shared.homes import homes_of

app_name = "company"
urlpatterns = [
    path("", homes_of(Organisation.COMPANY), name="homes"),
    path("<slug:organisation>/", views.home, name="home"),
    *sponsor.addresses(Organisation.COMPANY),
    *members.addresses(Organisation.COMPANY),
]
