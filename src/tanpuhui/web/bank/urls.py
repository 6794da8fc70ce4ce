"""Addresses of a bank; the organisation's code is in each."""

from django.urls import path

from tanpuhui.access.models import Organisation
from tanpuhui.web.bank import applications
from tanpuhui.web.shared import disclosed, members, offering, sponsor
from tanpuhui.web.shared.homes import homes_of

app_name = "bank"
urlpatterns = [
    path("", homes_of(Organisation.BANK), name="homes"),
    *disclosed.addresses(Organisation.BANK, ""),
    path("<slug:organisation>/applications/", applications.applications, name="applications"),
    path(
        "<slug:organisation>/applications/<int:redemption>/grant/",
        applications.answer,
        {"verb": "grant"},
        name="grant",
    ),
    path(
        "<slug:organisation>/applications/<int:redemption>/decline/",
        applications.answer,
        {"verb": "decline"},
        name="decline",
    ),
    path("<slug:organisation>/ended-consents/", applications.ended_consents, name="ended_consents"),
    path("<slug:organisation>/ended-consents/note/", applications.take_note, name="take_note"),
    *offering.addresses(Organisation.BANK),
    *sponsor.addresses(Organisation.BANK),
    *members.addresses(Organisation.BANK),
]
