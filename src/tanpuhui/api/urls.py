"""Addresses below /api/."""

from __future__ import annotations

from django.urls import path

from tanpuhui.api.federation import federation
from tanpuhui.api.provider.app import api

urlpatterns = [
    path("v1/", api.urls),
    path("federation/<slug:name>", federation, name="federation"),
]
