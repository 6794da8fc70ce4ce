"""Addresses of a company; the organisation's code is in each."""

from django.urls import path

from tanpuhui.access.models import Organisation
from tanpuhui.web.company import certificates, filings, reservations, views, voluntary, years
from tanpuhui.web.shared import disclosed, members, sponsor
from tanpuhui.web.shared.homes import homes_of

app_name = "company"
_OWN = "<slug:organisation>"
_YEAR = f"{_OWN}/offsets/<slug:place>/<int:year>"
_RESERVATION = f"{_OWN}/reservations/<int:reservation>"
urlpatterns = [
    path("", homes_of(Organisation.COMPANY), name="homes"),
    path(f"{_OWN}/", views.home, name="home"),
    path(f"{_OWN}/history/", views.history, name="history"),
    path(f"{_OWN}/offsets/", years.years, name="offsets"),
    path(f"{_YEAR}/", filings.year, name="year"),
    path(f"{_YEAR}/declare/", filings.declaration, name="declare"),
    path(f"{_RESERVATION}/surrender/", reservations.surrender, name="surrender"),
    path(f"{_RESERVATION}/release/", reservations.release, name="release"),
    path(f"{_RESERVATION}/replace/<str:lot>/", reservations.replace, name="replace"),
    path(f"{_OWN}/retire/", voluntary.retire, name="retire"),
    path(f"{_OWN}/certificates/", certificates.certificates, name="certificates"),
    *disclosed.addresses(Organisation.COMPANY, "disclosed/"),
    *sponsor.addresses(Organisation.COMPANY),
    *members.addresses(Organisation.COMPANY),
]
