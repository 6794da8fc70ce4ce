"""Addresses of a verifier; the organisation's code is in each."""

from django.urls import path

from tanpuhui.access.models import Organisation
from tanpuhui.web.shared import members
from tanpuhui.web.shared.homes import homes_of
from tanpuhui.web.verifier import views

app_name = "verifier"
urlpatterns = [
    path("", homes_of(Organisation.VERIFIER), name="homes"),
    path("<slug:organisation>/", views.home, name="home"),
    path("<slug:organisation>/lots/<slug:lot>/", views.lot, name="lot"),
    path("<slug:organisation>/lots/<slug:lot>/<slug:digest>/", views.manifest, name="manifest"),
    path("<slug:organisation>/lots/<slug:lot>/<slug:digest>.json", views.manifest_json, name="manifest_json"),
    path("<slug:organisation>/lots/<slug:lot>/<slug:digest>/replay/", views.replay, name="replay"),
    *members.addresses(Organisation.VERIFIER),
]
