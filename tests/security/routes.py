"""Every route of pages with addresses to try, as the table of access knows them."""

from __future__ import annotations

from django.urls import get_resolver, reverse

from web.access_table import TABLE, VALUES, VALUES_OF
from web.site import KINDS, own_code
from web.test_routes import routes

ROUTES = dict(routes(get_resolver()))
#: Pages; interfaces answer programs, and have tests of their own.
NAMES = sorted(name for name in TABLE if not name.startswith("api_"))


def kind_of(name: str) -> str:
    """The kind of organisation a route is for, or nothing."""
    kind = name.partition(":")[0].replace("counter", "operator")
    return kind if kind in KINDS else ""


def address_of(name: str, role: str, **given: object) -> str:
    """The address of a route as one role would ask for it."""
    code = own_code(kind_of(name) or (role if role in KINDS else KINDS[0]))
    known = VALUES | VALUES_OF.get(name.partition(":")[0], {})
    values = {key: code if key == "organisation" else known.get(key) for key in ROUTES[name]}
    return reverse(name, kwargs=values | given)


def is_page_for(name: str, role: str) -> bool:
    """Whether this role gets a page there."""
    return TABLE[name].get(role, TABLE[name]["else"]) == 200
