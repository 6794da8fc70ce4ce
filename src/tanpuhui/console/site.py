"""Site: django-unfold's admin site without its sign-in, its own pages and its scripts; every address has a guard."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern
from django.utils.translation import gettext_lazy as _
from unfold.sites import UnfoldAdminSite

from tanpuhui.console.navigation import navigation


class ConsoleSite(UnfoldAdminSite):
    """The one admin site. Who may enter is decided by the guard around each view, and by nothing of Django's admin."""

    enable_nav_sidebar = False
    final_catch_all_view = False
    site_title = _("Operator console")
    site_header = _("Operator console")
    index_title = _("Today at a glance")

    def get_urls(self) -> list[URLPattern]:
        """The console's own addresses alone: no sign-in, no password pages, no page that adds, edits or deletes."""
        from tanpuhui.console.addresses import addresses

        return addresses(self)

    def has_permission(self, request: HttpRequest) -> bool:
        return hasattr(request, "membership")

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """What every page has: the sections, and whether the reader may change anything."""
        return {
            "site_title": self.site_title,
            "site_header": self.site_header,
            "has_permission": self.has_permission(request),
            "navigation": navigation(request),
            "may_act": getattr(request, "may_act", False),
            "is_popup": False,
        }


#: Pages are under the name ``console``, and for Django's own tags under ``admin``.
site = ConsoleSite(name="console")
