"""Every address of this installation, each audience's under a word of its own."""

from __future__ import annotations

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from tanpuhui.api.resident.app import api as resident_api
from tanpuhui.console.site import site

handler400 = "tanpuhui.web.shared.errors.bad_request"
handler403 = "tanpuhui.web.shared.errors.forbidden"
handler404 = "tanpuhui.web.shared.errors.not_found"
handler429 = "tanpuhui.web.shared.errors.too_many"
handler500 = "tanpuhui.web.shared.errors.our_fault"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("tanpuhui.web.public.urls")),
    path("", include("tanpuhui.web.shared.urls")),
    path("grants", RedirectView.as_view(pattern_name="resident:sources"), name="grants"),
    path("rights", RedirectView.as_view(pattern_name="resident:privacy"), name="rights"),
    path("sign-in/", include("tanpuhui.web.sign_in.urls")),
    path("resident/", include("tanpuhui.web.resident.urls")),
    path("api/v1/resident/", resident_api.urls),
    path("provider/", include("tanpuhui.web.provider.urls")),
    path("operator/", include("tanpuhui.web.operator.urls")),
    path("console/", site.urls),
    path("counter/", include("tanpuhui.web.counter.urls")),
    path("company/", include("tanpuhui.web.company.urls")),
    path("merchant/", include("tanpuhui.web.merchant.urls")),
    path("bank/", include("tanpuhui.web.bank.urls")),
    path("verifier/", include("tanpuhui.web.verifier.urls")),
    path("api/", include("tanpuhui.api.urls")),
]
if settings.DEMO:
    urlpatterns.append(path("demo/", include("tanpuhui.web.sign_in.demo_urls")))
