"""Addresses of a bank; the organisation's code is in each."""

from django.urls import path

from tanpuhui.access.models import Organisation
from tanpuhui.web.shared import disclosed, members
from tanpuhui.web.shared.homes import homes_of

app_name = "bank"
urlpatterns = [
    path("", homes_of(Organisation.BANK), name="homes"),
    *disclosed.addresses(Organisation.BANK, ""),
    *members.addresses(Organisation.BANK),
]
