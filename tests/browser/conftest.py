"""A real browser before a real server: Chromium, phone and desk, Chinese and English, with the server's own role."""

from __future__ import annotations

import os
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core import mail
from django.db.backends.signals import connection_created
from django.utils import translation
from playwright.sync_api import Browser, Error, Page

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SCREENS = {"phone": (390, 844), "desk": (1280, 900)}
LANGUAGES = {"zh": ("zh-CN", "zh-hans"), "en": ("en-GB", "en")}
#: Rules of WCAG 2.2 at levels A and AA, and what axe calls good practice.
AXE = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
#: A page says that it is being left: a click returns before the browser has followed the link.
LEAVING = "navigation.addEventListener('navigate', one => { window.leaving = !one.hashChange })"
#: Where pictures of pages go, if they are wanted.
PICTURES = "TANPUHUI_SCREENSHOTS"
#: Stories take turns: one on a phone in Chinese, another at a desk in English; each in all four ways where this
#: variable is set, as 'make ci' sets it.
EVERY = "TANPUHUI_EVERY_SCREEN"
SEEN = (
    [(screen, language) for screen in SCREENS for language in LANGUAGES]
    if os.environ.get(EVERY)
    else [("phone", "zh"), ("desk", "en")]
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of a story that is there on both screens, leave the one whose turn it is, by its name."""
    if os.environ.get(EVERY):
        return
    stories: dict[str, list[tuple[pytest.Item, object]]] = {}
    for item in items:
        params = item.callspec.params if hasattr(item, "callspec") else {}
        if "seen" in params:
            stories.setdefault(item.nodeid.partition("[")[0], []).append((item, params["seen"]))
    left_out = [
        item
        for name, found in stories.items()
        if len({seen for _, seen in found}) > 1
        for item, seen in found
        if seen != SEEN[zlib.crc32(name.encode()) % len(SEEN)]
    ]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


@pytest.fixture(scope="session", autouse=True)
def database_beside_the_browser() -> Iterator[None]:
    """Playwright keeps a loop running in this thread; the tests' own look into the database is not asynchronous."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """Debian's Chromium; without it these tests are skipped, and ``.ci/run`` installs it."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is missing: apt-get install chromium fonts-noto-cjk")
    return {"executable_path": str(CHROMIUM), "args": ARGUMENTS}


@pytest.fixture(autouse=True)
def the_servers_role() -> Iterator[None]:
    """Whatever the server's threads open is the application's role, as in an installation."""

    def take_on(connection: Any, **_: Any) -> None:
        if threading.current_thread() is not threading.main_thread():
            with connection.cursor() as cursor:
                cursor.execute("SET ROLE tanpuhui_app")

    connection_created.connect(take_on)
    yield
    connection_created.disconnect(take_on)


@pytest.fixture(params=SEEN, ids=["-".join(one) for one in SEEN])
def seen(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A screen and a language."""
    screen, language = request.param
    return screen, language


@pytest.fixture()
def device(seen: tuple[str, str]) -> str:
    """A phone's width, then a desk's."""
    return seen[0]


@pytest.fixture()
def language(seen: tuple[str, str]) -> str:
    """Chinese, then English."""
    return seen[1]


@pytest.fixture()
def say(language: str) -> Callable[..., str]:
    """A sentence of the pages in the language of the test: ``say("Sign in")``."""

    def said(sentence: str, **facts: object) -> str:
        with translation.override(LANGUAGES[language][1]):
            return translation.gettext(sentence) % facts if facts else translation.gettext(sentence)

    return said


@pytest.fixture()
def page(
    browser: Browser, device: str, language: str, live_server: Any, request: pytest.FixtureRequest
) -> Iterator[Page]:
    """A page of this width and language on the live server; what the browser complains of fails the test."""
    width, height = SCREENS[device]
    context = browser.new_context(
        base_url=live_server.url,
        viewport={"width": width, "height": height},
        locale=LANGUAGES[language][0],
        has_touch=device == "phone",
        reduced_motion="reduce",
    )
    complaints: list[str] = []
    context.add_init_script(LEAVING)
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console", lambda line: complaints.append(line.text) if line.type in ("error", "warning") else None
    )
    yield page
    context.close()
    expected = ["status of 4"]
    if request.node.get_closest_marker("goes_offline"):
        expected.append("net::ERR_")
    assert [one for one in complaints if not any(part in one for part in expected)] == []


@pytest.fixture()
def look(device: str, language: str) -> Callable[[Page, str], None]:
    """Check that a page is accessible and not wider than its screen; take its picture if pictures are wanted."""

    def looked(page: Page, name: str) -> None:
        arrive(page)
        assert_accessible(page)
        assert_fits(page)
        folder = os.environ.get(PICTURES)
        if folder:
            page.screenshot(path=f"{folder}/{name}-{device}-{language}.png", full_page=True)

    return looked


def arrive(page: Page) -> None:
    """Wait until the page that was asked for is there, so that not the one before it is looked at."""
    until = time.monotonic() + 10
    while not has_arrived(page):
        assert time.monotonic() < until, f"{page.url} is being left for ten seconds"
        page.wait_for_timeout(20)


def has_arrived(page: Page) -> bool:
    """True on a page that is whole and is not being left, False between two pages."""
    try:
        return bool(page.evaluate("!window.leaving && document.readyState === 'complete'"))
    except Error as error:
        if "context was destroyed" in error.message:
            return False
        raise


def assert_accessible(page: Page) -> None:
    """No violation that axe-core can find. It is put in by the debugger, so the page's own policy stays strict."""
    found = Axe().run(page, options=AXE)
    assert found.violations_count == 0, found.generate_report()


def assert_fits(page: Page) -> None:
    """Nothing makes the page scroll sideways, and what is tapped is at least 24 px high (WCAG 2.2, 2.5.8)."""
    wide, shown = page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert wide <= shown
    small = page.evaluate(
        "[...document.querySelectorAll('button, a.button, input:not([type=hidden]), select, summary')]"
        ".filter(one => one.offsetParent && one.getBoundingClientRect().height < 24).map(one => one.outerHTML)"
    )
    assert small == []


def last_code() -> str:
    """The code in the newest e-mail."""
    found = re.search(r"^([A-Z0-9]{3,}(?:-?[A-Z0-9]{3,})*)$", str(mail.outbox[-1].body), re.MULTILINE)
    assert found, mail.outbox[-1].body
    return found[1]
