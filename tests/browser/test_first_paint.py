"""First paint: what comes over the network until somebody sees a page for the first time, from the real server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

import prepared
from api.server import free_port, wait_for
from browser.conftest import LANGUAGES, SCREENS
from program import HOST

pytestmark = pytest.mark.slow
PROGRAM = Path(sys.executable).with_name("tanpuhui")
MOST_BYTES = 100_000


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A small demonstration behind the server that an installation has, with its compressed files: its address."""
    folder = tmp_path_factory.mktemp("first-paint")
    folder.chmod(0o711)
    ours = ("TANPUHUI_", "DJANGO_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environment = {**kept, "TANPUHUI_HOME": str(folder / "city"), "TANPUHUI_BUCKETS": "1"}
    small = ("demo", "--residents", "20", "--days", "1", "--no-serve")
    subprocess.run(
        [*prepared.COMMAND, *small], env=environment, stdout=subprocess.DEVNULL, timeout=300, check=True
    )
    port = free_port()
    with subprocess.Popen(
        [PROGRAM, "serve", "--port", str(port)],
        env={**environment, "TANPUHUI_DEMO": "1"},
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            wait_for(url := f"http://{HOST}:{port}")
            yield url
        finally:
            process.terminate()


@pytest.mark.parametrize("screen", list(SCREENS))
@pytest.mark.parametrize("language", list(LANGUAGES))
@pytest.mark.parametrize(
    "looked_at", [("/", ""), ("/sign-in/", ""), ("/resident/", "resident"), ("/console/", "operator")]
)
def test_a_first_visit_takes_less_than_100_kilobytes(
    looked_at: tuple[str, str], language: str, screen: str, served: str, browser: Browser
) -> None:
    (path, role), (width, height) = looked_at, SCREENS[screen]
    context = browser.new_context(
        base_url=served,
        viewport={"width": width, "height": height},
        locale=LANGUAGES[language][0],
    )
    page = context.new_page()
    if role:
        context.request.get(f"/demo/sign-in/{role}", max_redirects=0)
    debugger = context.new_cdp_session(page)
    debugger.send("Network.enable")
    received: dict[str, int] = {}
    debugger.on(
        "Network.loadingFinished",
        lambda event: received.__setitem__(event["requestId"], int(event["encodedDataLength"])),
    )

    answer = page.goto(path)
    page.wait_for_load_state("networkidle")

    assert answer is not None
    assert (answer.status, page.evaluate("location.pathname")) == (200, path)
    assert len(received) >= 2, "the page and its stylesheet"
    assert 10_000 < sum(received.values()) < MOST_BYTES, received
    print(f"{path} {screen} {language}: {sum(received.values()):,} bytes in {len(received)} answers")
    context.close()
