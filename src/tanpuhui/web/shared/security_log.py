"""Security log: a line for what a defender asks about later: signing in and out, factors, refusals, slowed attempts.

A line says when (UTC), in which request, what, who (the user's number, which leads to nobody without the vault), and
from which network (the last part of the address is left out). No e-mail address, code, token or pseudonym is in it.
"""

from __future__ import annotations

import ipaddress
import logging
from typing import Any

from allauth.core.internal.httpkit import get_client_ip
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

from tanpuhui.web.shared.log import route_of

log = logging.getLogger("tanpuhui.security")
#: How much of an address is written down: a network of 256 for IPv4, a site for IPv6.
_PREFIX = {4: 24, 6: 48}


def note(event: str, request: HttpRequest, *, user: Any = None, refused: bool = False, **facts: Any) -> None:
    """Write a line; ``refused`` ones are warnings. ``facts`` are words and numbers of ours, nothing that was typed."""
    who = user if user is not None else getattr(request, "user", None)
    known = getattr(who, "pk", None) or "-"
    said = {"who": known, "from": network_of(request), "route": route_of(request), **facts}
    line = " ".join(f"{name}={value}" for name, value in said.items())
    log.log(
        logging.WARNING if refused else logging.INFO,
        "%s %s",
        event,
        line,
        extra={"event": event, "facts": said},
    )


def network_of(request: HttpRequest) -> str:
    """The network a request came from, as our own proxies say it; ``-`` where that cannot be told."""
    try:
        address = ipaddress.ip_address(get_client_ip(request) or "")
    except (ValueError, ImproperlyConfigured):
        return "-"
    return str(ipaddress.ip_network(f"{address}/{_PREFIX[address.version]}", strict=False))
