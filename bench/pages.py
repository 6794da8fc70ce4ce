"""How long the server takes for each page of each audience, at the demonstration's size: medians, the slowest first.

Run: TANPUHUI_HOME=... TANPUHUI_DEMO=1 .venv/bin/python bench/pages.py   (a home with a city in it: 'tanpuhui demo
--no-serve' makes one)

It signs in as each kind of user, follows the links of every page, and takes a few addresses of each route, in both
languages by turns. The first visit to an address is not counted, and said apart.
"""

from __future__ import annotations

import logging
import os
import re
import statistics
import sys
import time
from collections import Counter
from html import unescape
from typing import Any
from urllib.parse import urljoin, urlsplit

#: Addresses of one route that are visited, how often each, and what a page may take.
ADDRESSES, VISITS, MOST_MS = 3, 7, 100.0
LANGUAGES = ("zh-CN", "en")
_LINK = re.compile(r'<a[^>]*\shref="([^"]+)"')
_LEAVING = ("/sign-out/", "/language/", "/demo/")


def main() -> None:
    """Walk, time, and print a line for each route; exit status 3 when a page takes too long."""
    os.environ.setdefault("TANPUHUI_DEMO", "1")
    from tanpuhui.project.database import prepare

    prepare()
    from tanpuhui.access.demo import ROLES

    logging.disable(logging.WARNING)
    found = [line for role in ("", *ROLES) for line in walk(role)]
    found.sort(key=lambda line: -line[0])
    print(f"{'median':>8} {'first':>8}  audience   route and address")
    for median_ms, first_ms, role, route, path in found:
        print(f"{median_ms:6.1f} {first_ms:8.1f}     {role or 'anybody':10} {route}  {path}")
    slow = [line for line in found if line[0] > MOST_MS]
    print(f"{len(found)} addresses; {len(slow)} above {MOST_MS:.0f} ms")
    sys.exit(3 if slow else 0)


def walk(role: str) -> list[tuple[float, float, str, str, str]]:
    """Every page that one kind of user is led to, from the place where signing in leads."""
    from django.test import Client

    client = Client(SERVER_NAME="localhost")
    start = "/"
    if role:
        start = client.get(f"/demo/sign-in/{role}", follow=True).redirect_chain[-1][0]
    waiting, seen, visited, found = [start], {start}, Counter[str](), []
    while waiting:
        path = waiting.pop(0)
        route = route_of(path)
        if visited[route] >= ADDRESSES:
            continue
        answer, first_ms = timed_ms(client, path, 0)
        if answer.status_code != 200 or not answer["Content-Type"].startswith("text/html"):
            continue
        visited[route] += 1
        times = [timed_ms(client, path, number)[1] for number in range(VISITS)]
        found.append((statistics.median(times), first_ms, role, route, path))
        for link in links_of(answer.content.decode(), path):
            if link not in seen:
                seen.add(link)
                waiting.append(link)
    return found


def links_of(text: str, here: str) -> list[str]:
    """Addresses of this server that a page leads to."""
    found = []
    for given in _LINK.findall(text):
        parts = urlsplit(urljoin(here, unescape(given)))
        if not parts.netloc and not parts.path.startswith(_LEAVING):
            found.append(parts.path + (f"?{parts.query}" if parts.query else ""))
    return found


def route_of(path: str) -> str:
    """The name of an address's route, and whether it asks for something."""
    from django.urls import Resolver404, resolve

    parts = urlsplit(path)
    try:
        return resolve(parts.path).view_name + ("?" if parts.query else "")
    except Resolver404:
        return "(none)"


def timed_ms(client: Any, path: str, number: int) -> tuple[Any, float]:
    """One visit, and how long it took."""
    started = time.perf_counter()
    answer = client.get(path, headers={"Accept-Language": LANGUAGES[number % len(LANGUAGES)]})
    b"".join(answer) if answer.streaming else answer.content
    return answer, (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    main()
