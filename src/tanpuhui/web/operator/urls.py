"""Addresses of the operator's staff; the organisation's code is in each."""

from django.urls import path

from tanpuhui.access.models import Organisation
from tanpuhui.web.operator import views
from tanpuhui.web.shared.homes import homes_of

app_name = "operator"
urlpatterns = [
    path("", homes_of(Organisation.OPERATOR), name="homes"),
    path("<slug:organisation>/", views.home, name="home"),
]
