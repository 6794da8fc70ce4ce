"""Addresses for everybody; those of versions, lots and months stay what they are for good.

Releases had numbers once (``/statistics/7/``), before they were of a month each; those addresses are not there (404).
"""

from django.urls import path

from tanpuhui.web.public import (
    certificates,
    credentials,
    log,
    lots,
    machines,
    market,
    methodologies,
    open_data,
    rules,
    serials,
    statistics,
    views,
)

_VERSION = "methodologies/<slug:place>/<slug:name>/v<int:version>/"
_CHART = "statistics/months/<slug:month>/<slug:name>.<slug:language>.<slug:width>.svg"
urlpatterns = [
    path("", views.home, name="home"),
    path("about/", views.about, name="about"),
    path("privacy/", views.privacy, name="privacy"),
    path("accessibility/", views.accessibility, name="accessibility"),
    path("glossary/", views.glossary, name="glossary"),
    path("statistics/", statistics.page, name="statistics"),
    path("statistics/districts/", statistics.districts, name="districts"),
    path("statistics/districts/<slug:month>/", statistics.districts, name="districts_month"),
    path("statistics/months/<slug:month>/", statistics.page, name="statistics_month"),
    path(
        "statistics/months/<slug:month>/<slug:name>.<slug:language>.<slug:width>.svg",
        statistics.chart,
        name="statistics_chart",
    ),
    path("methodologies/", methodologies.all_of_them, name="methodologies"),
    path("methodologies/<slug:place>/<slug:name>/", methodologies.newest, name="methodology_newest"),
    path(_VERSION, methodologies.one, name="methodology"),
    path(f"{_VERSION}methodology.json", methodologies.as_json, name="methodology_json"),
    path(f"{_VERSION}files/<str:file>", methodologies.file, name="methodology_file"),
    path("lots/", lots.all_of_them, name="lots"),
    path("lots/look-up/", lots.look_up, name="look_up"),
    path("lots/<slug:code>/", lots.one, name="lot"),
    path("serials/<str:serial>.json", serials.as_json, name="serial_json"),
    path("serials/<str:serial>/", serials.one, name="serial"),
    path("market/", market.page, name="market"),
    path("market/prices.csv", market.prices, name="market_prices"),
    path("market/prices.<slug:language>.<slug:width>.svg", market.chart, name="market_chart"),
    path("certificates/", certificates.all_of_them, name="certificates"),
    path("certificates/<slug:number>.json", certificates.as_json, name="certificate_json"),
    path("certificates/<slug:number>.sd-jwt.json", certificates.as_credential, name="certificate_credential"),
    path("certificates/<slug:number>.pdf", certificates.as_pdf, name="certificate_pdf"),
    path("certificates/<slug:number>/", certificates.one, name="certificate"),
    path("rules/", rules.all_rules, name="rules"),
    path("rules/<slug:code>/", rules.one, name="jurisdiction"),
    path("rules/<slug:code>/changes/", rules.changes, name="rule_changes"),
    path("rules/<slug:code>/file", rules.file, name="jurisdiction_file"),
    path("open-data/", open_data.page, name="open_data"),
    path("open-data/datapackage.json", open_data.package, name="open_data_package"),
    path("open-data/<slug:name>.<slug:form>", open_data.download, name="open_data_file"),
    path("log/", log.page, name="log"),
    path("log/checkpoint", log.checkpoint, name="log_checkpoint"),
    path("log/policy", log.trust, name="log_policy"),
    path("log/verify_certificate.py", log.verifier, name="log_verifier"),
    path("log/tile/<path:name>", log.tile, name="log_tile"),
    path("robots.txt", machines.robots, name="robots"),
    path("sitemap.xml", machines.sitemap, name="sitemap"),
    path("credentials/", credentials.page, name="credentials"),
    path("status-lists/<int:number>", credentials.status_list, name="status_list"),
    path(".well-known/jwt-vc-issuer", credentials.issuer, name="credential_issuer"),
    path(".well-known/security.txt", machines.security, name="security"),
]
