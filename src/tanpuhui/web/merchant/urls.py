"""Addresses of somebody who makes offers; the organisation's code is in each."""

from django.urls import path

from tanpuhui.access.models import Organisation
from tanpuhui.web.merchant import views
from tanpuhui.web.shared import members
from tanpuhui.web.shared.homes import homes_of

app_name = "merchant"
urlpatterns = [
    path("", homes_of(Organisation.MERCHANT), name="homes"),
    path("<slug:organisation>/", views.home, name="home"),
    *members.addresses(Organisation.MERCHANT),
]
