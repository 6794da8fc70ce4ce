"""Addresses of a resident's own account."""

from django.urls import path

from tanpuhui.web.resident import activities, appeals, certificates, chart, tokens, views

app_name = "resident"
urlpatterns = [
    path("", views.home, name="home"),
    path("chart/<slug:theme>.svg", chart.chart, name="chart"),
    path("acts/", activities.activities, name="activities"),
    path("acts/<int:record>/", activities.activity, name="activity"),
    path("acts/<int:record>/appeal/", appeals.appeal_page, name="appeal"),
    path("appeals/", appeals.appeals, name="appeals"),
    path("certificates/", certificates.certificates, name="certificates"),
    path("certificates/statement-<slug:language>.pdf", certificates.statement_pdf, name="statement_pdf"),
    path("tokens/", tokens.tokens, name="tokens"),
    path("tokens/<uuid:token>/revoke/", tokens.revoke_token, name="revoke_token"),
]
