"""Addresses of somebody who makes offers; the organisation's code is in each."""

from django.urls import path, register_converter

from tanpuhui.access.models import Organisation
from tanpuhui.web.merchant import offline_till, till, views
from tanpuhui.web.shared import members, offering, sponsor
from tanpuhui.web.shared.homes import homes_of


class FileForm:
    """The forms in which a settlement is taken along."""

    regex = "csv|xml"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(FileForm, "settlement_form")

app_name = "merchant"
OFFLINE = "<slug:organisation>/till/offline/"
urlpatterns = [
    path("", homes_of(Organisation.MERCHANT), name="homes"),
    path("<slug:organisation>/", views.home, name="home"),
    path("<slug:organisation>/till/", till.till, name="till"),
    path(OFFLINE, offline_till.offline_till, name="offline_till"),
    path(f"{OFFLINE}worker.js", offline_till.worker, name="offline_worker"),
    path(f"{OFFLINE}key.json", offline_till.key, name="offline_key"),
    path(f"{OFFLINE}upload/", offline_till.upload, name="offline_upload"),
    path("<slug:organisation>/redemptions/", views.redemptions, name="redemptions"),
    path("<slug:organisation>/redemptions/<int:redemption>/refund/", views.refund_page, name="refund"),
    path("<slug:organisation>/settlements/", views.settlements, name="settlements"),
    path("<slug:organisation>/settlements/settle/", views.settle_page, name="settle"),
    path(
        "<slug:organisation>/settlements/<slug:reference>.<settlement_form:form>",
        views.settlement_file,
        name="settlement_file",
    ),
    *offering.addresses(Organisation.MERCHANT),
    *sponsor.addresses(Organisation.MERCHANT),
    *members.addresses(Organisation.MERCHANT),
]
