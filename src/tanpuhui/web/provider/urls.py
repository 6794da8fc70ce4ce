"""Addresses of an organisation that reports acts; the organisation's code is in each."""

from django.urls import path

from tanpuhui.access.models import Organisation
from tanpuhui.web.provider import keys, views
from tanpuhui.web.shared import members, sponsor
from tanpuhui.web.shared.homes import homes_of

app_name = "provider"
urlpatterns = [
    path("", homes_of(Organisation.PROVIDER), name="homes"),
    path("<slug:organisation>/", views.home, name="home"),
    path("<slug:organisation>/send/", views.send, name="send"),
    path("<slug:organisation>/batches/", views.batches, name="batches"),
    path("<slug:organisation>/batches/<int:batch>/", views.batch, name="batch"),
    path("<slug:organisation>/batches/<int:batch>/receipt.json", views.batch_receipt, name="receipt"),
    path("<slug:organisation>/quarantine/", views.quarantined, name="quarantine"),
    path("<slug:organisation>/quarantine/<int:row>/", views.correct, name="row"),
    path("<slug:organisation>/retract/", keys.retract, name="retract"),
    path("<slug:organisation>/keys/", keys.keys, name="keys"),
    path("<slug:organisation>/keys/<slug:key>/revoke/", keys.revoke, name="revoke_key"),
    *sponsor.addresses(Organisation.PROVIDER),
    *members.addresses(Organisation.PROVIDER),
]
