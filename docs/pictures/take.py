"""Pictures of the five main pages, in both languages, from the demonstration as it is on one afternoon of its own.

Run: make pictures   (it needs Chromium: apt-get install chromium fonts-noto-cjk)

The city is made anew with its usual seed, and the clock of the server stands still, so that the same pages give the
same pictures, but for the noise of published statistics, which has no seed. A picture
keeps its 255 most frequent colours, which is enough for pages.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import tempfile
import threading
import zlib
from datetime import datetime, timezone
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from zoneinfo import ZoneInfo

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parent
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
#: The afternoon after the demonstration's last close.
NOW = datetime(2026, 3, 10, 16, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
PHONE, DESK = (390, 844, 2), (1280, 860, 1)
LANGUAGES = {"en": "en-GB", "zh": "zh-CN"}
MOST_BYTES, MOST_IN_ALL = 150_000, 1_000_000
#: The name of a picture, who looks, at what, and how large the screen is.
PICTURES = (
    ("resident-home", "resident", "/resident/", PHONE),
    ("resident-trace", "resident", "/resident/acts/?kind=metro_trip", PHONE),
    ("provider-batch", "provider", "/provider/szt/", DESK),
    ("operator-day", "operator", "/console/", DESK),
    ("public", "", "/", DESK),
)

FORMULA = "img.formula"
#: Pictures of one thing of a list: its links, and what the page of the one that is wanted has.
LOOKED_INTO = {
    "resident-trace": ("main a[href*='/resident/acts/']", FORMULA),
    "provider-batch": ("main a[href*='/batches/']", "code:text('evidence.')"),
}


def main() -> None:
    """Make a city, serve it, take the pictures, and leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="tanpuhui-pictures-") as folder:
        Path(folder).chmod(0o711)
        home = Path(folder) / "home"
        os.environ |= {"TANPUHUI_HOME": str(home), "TANPUHUI_DEMO": "1"}
        program = str(Path(sys.executable).with_name("tanpuhui"))
        subprocess.run([program, "demo", "--no-serve", "--json"], stdout=subprocess.DEVNULL, check=True)
        with Server(_application()) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            sizes = {name: _take(browser, address, name) for name in _names()}
            browser.close()
        for name, size in sizes.items():
            print(f"{size:7,} bytes  {name}")
        assert max(sizes.values()) <= MOST_BYTES, "a picture is too large"
        assert sum(sizes.values()) <= MOST_IN_ALL, "the pictures are too large together"


def _names() -> list[str]:
    return [f"{name}-{language}" for name, *_rest in PICTURES for language in LANGUAGES]


def _application() -> Any:
    """The application of this home, whose clock stands still."""
    from tanpuhui.project import database, pages

    database.prepare()
    pages.prepare()
    from tanpuhui.project.wsgi import application

    _stop_the_clock()
    return application


def _stop_the_clock() -> None:
    from django.utils import timezone as django_timezone

    from tanpuhui.access import session
    from tanpuhui.kit import moment

    class Still(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return NOW.astimezone(tz or timezone.utc)  # noqa: UP017 - Django's module has that name too

    for module in (moment, session, django_timezone):
        module.datetime = Still  # type: ignore[attr-defined]


class Server:
    """A server in this process, for as long as the block lasts."""

    def __init__(self, application: Any) -> None:
        self._server = make_server("127.0.0.1", 0, application, _Threads, _Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()


class _Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_said: object) -> None:
        """Nothing."""


def _take(browser: Browser, address: str, name: str) -> int:
    """Take one picture; answers its size in bytes."""
    subject, _, language = name.rpartition("-")
    role, path, (width, height, scale) = next(rest for known, *rest in PICTURES if known == subject)
    context = browser.new_context(
        base_url=address,
        locale=LANGUAGES[language],
        viewport={"width": width, "height": height},
        device_scale_factor=scale,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.on("response", _refuse_failure)
    if role:
        page.goto(f"/demo/sign-in/{role}")
    page.goto(path)
    if subject in LOOKED_INTO:
        _open(page, *LOOKED_INTO[subject])
    for _ in range(2 if subject == "resident-trace" else 0):
        # What comes into sight is loaded, and moves what is below: once more when all of it is there.
        page.locator(FORMULA).first.evaluate("one => one.scrollIntoView({block: 'center'})")
        page.wait_for_load_state("networkidle")
        page.locator(FORMULA).first.evaluate("one => one.decode()")
    page.wait_for_load_state("networkidle")
    finished = indexed(page.screenshot(), page)
    context.close()
    (HERE / f"{name}.png").write_bytes(finished)
    return len(finished)


def _refuse_failure(answer: Any) -> None:
    assert answer.status < 400, f"{answer.url} answered {answer.status}"


def _open(page: Page, links: str, wanted: str) -> None:
    """The first page of a list that shows what is wanted."""
    for path in page.locator(links).evaluate_all("links => links.map(one => one.pathname)"):
        page.goto(path)
        if page.locator(wanted).count():
            return


def indexed(png: bytes, page: Page) -> bytes:
    """The same picture with a palette: its 255 most frequent colours, every other one replaced by the nearest."""
    pixels = _pixels(png, page)
    colours, place, counts = np.unique(
        pixels.reshape(-1, 3) @ np.array([65536, 256, 1]), return_inverse=True, return_counts=True
    )
    rgb = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=1).astype(np.int64)
    kept = np.sort(np.argsort(-counts, kind="stable")[:255])
    nearest = np.array([np.abs(rgb[kept] - one).sum(axis=1).argmin() for one in rgb], np.uint8)
    rows = nearest[place].reshape(pixels.shape[:2])
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    height, width = rows.shape
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 3, 0, 0, 0])
    parts = (
        (b"IHDR", head),
        (b"PLTE", rgb[kept].astype(np.uint8).tobytes()),
        (b"IDAT", zlib.compress(raw, 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def _pixels(png: bytes, page: Page) -> Any:
    """The picture's pixels, unpacked by the browser: height, width, and red, green and blue."""
    blank = page.context.new_page()
    found = blank.evaluate(
        """async (source) => {
            const image = new Image();
            image.src = 'data:image/png;base64,' + source;
            await image.decode();
            const canvas = new OffscreenCanvas(image.width, image.height).getContext('2d');
            canvas.drawImage(image, 0, 0);
            const bytes = canvas.getImageData(0, 0, image.width, image.height).data;
            let text = '';
            for (let at = 0; at < bytes.length; at += 32768)
                text += String.fromCharCode(...bytes.subarray(at, at + 32768));
            return [image.width, image.height, btoa(text)];
        }""",
        base64.b64encode(png).decode(),
    )
    width, height, content = found
    blank.close()
    pixels = np.frombuffer(base64.b64decode(content), np.uint8).reshape(height, width, 4)
    return pixels[:, :, :3].astype(np.int64)


if __name__ == "__main__":
    main()
