"""Addresses of a verifier; the organisation's code is in each."""

from django.urls import path

from tanpuhui.access.models import Organisation
from tanpuhui.web.shared import members
from tanpuhui.web.shared.homes import homes_of
from tanpuhui.web.verifier import engagements, programmes, views

app_name = "verifier"
urlpatterns = [
    path("", homes_of(Organisation.VERIFIER), name="homes"),
    path("<slug:organisation>/", views.home, name="home"),
    path("<slug:organisation>/lots/<slug:lot>/", views.lot, name="lot"),
    path("<slug:organisation>/lots/<slug:lot>/<slug:digest>/", views.manifest, name="manifest"),
    path("<slug:organisation>/lots/<slug:lot>/<slug:digest>.json", views.manifest_json, name="manifest_json"),
    path("<slug:organisation>/lots/<slug:lot>/<slug:digest>/replay/", views.replay, name="replay"),
    path("<slug:organisation>/programmes/", programmes.programmes, name="programmes"),
    path("<slug:organisation>/programmes/<slug:programme>/", programmes.programme, name="programme"),
    path(
        "<slug:organisation>/programmes/<slug:programme>.json",
        programmes.programme_json,
        name="programme_json",
    ),
    path(
        "<slug:organisation>/programmes/<slug:programme>/verify/",
        programmes.verify_programme,
        name="verify_programme",
    ),
    path(
        "<slug:organisation>/programmes/<slug:programme>/<int:period>/",
        programmes.shares,
        name="programme_shares",
    ),
    path("<slug:organisation>/engagements/", engagements.engagements, name="engagements"),
    path("<slug:organisation>/engagements/<int:number>/", engagements.engagement, name="engagement"),
    path(
        "<slug:organisation>/engagements/<int:number>/declaration/",
        engagements.declaration,
        name="declaration",
    ),
    path(
        "<slug:organisation>/engagements/<int:number>/recalculate/",
        engagements.recalculate,
        name="recalculate",
    ),
    path("<slug:organisation>/engagements/<int:number>/complete/", engagements.complete, name="complete"),
    path("<slug:organisation>/engagements/<int:number>/plan/", engagements.plan, name="plan"),
    path("<slug:organisation>/engagements/<int:number>/sample/", engagements.sample, name="sample"),
    path("<slug:organisation>/engagements/<int:number>/sample/<int:position>/", engagements.act, name="act"),
    path("<slug:organisation>/engagements/<int:number>/findings/", engagements.findings, name="findings"),
    path(
        "<slug:organisation>/engagements/<int:number>/findings/<int:finding>/",
        engagements.finding,
        name="finding",
    ),
    path(
        "<slug:organisation>/engagements/<int:number>/conclusion/", engagements.conclusion, name="conclusion"
    ),
    path(
        "<slug:organisation>/engagements/<int:number>/statement.json",
        engagements.statement_json,
        name="statement_json",
    ),
    path(
        "<slug:organisation>/engagements/<int:number>/statement.pdf",
        engagements.statement_pdf,
        name="statement_pdf",
    ),
    *members.addresses(Organisation.VERIFIER),
]
