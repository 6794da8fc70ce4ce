"""Every page, as every role that may see it: what the browser may do with it, and what must not be in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

import tanpuhui
from security.others import Site
from security.routes import NAMES, address_of, is_page_for
from tanpuhui.kit.moment import utc_now
from web.site import ROLES, client_of

pytestmark = pytest.mark.django_db
SEEN = [(name, role) for name in NAMES for role in ROLES if is_page_for(name, role)]
TEMPLATES = sorted(Path(tanpuhui.__file__).parent.rglob("templates/**/*.html"))
#: Published for programs of any site; published drawings that browsers keep.
OPEN = {"credential_issuer", "open_data_file"}
DRAWINGS = ("formula",)
#: Published files that are the same for whoever asks, and may be kept for a while.
PUBLISHED = {"log_checkpoint", "log_policy", "log_tile", "log_verifier", "market_prices"}
#: A script without an address of its own is allowed where it holds data and no program.
INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)(?![^>]*\btype=\"application/json\")|<style\b|\sstyle\s*=|\son[a-z]+\s*=\s*[\"']|javascript:",
    re.IGNORECASE,
)


@dataclass
class Page:
    """What one role got at one route."""

    name: str
    role: str
    headers: Any
    text: str
    session_key: str | None

    @property
    def is_html(self) -> bool:
        return bool(self.headers["Content-Type"].startswith("text/html"))

    def __str__(self) -> str:
        return f"{self.name} as {self.role}"


@pytest.fixture(scope="module")
def pages(site: Site) -> list[Page]:
    """Every page as every role that may see it, asked for once."""
    found = []
    with override_settings(SECOND_FACTOR_FOR_ORGANISATIONS=False):
        for name, role in SEEN:
            client = client_of(site.people[role])
            answer = client.get(address_of(name, role))
            assert answer.status_code == 200, (name, role)
            content = b"".join(answer.streaming_content) if answer.streaming else answer.content
            text = content.decode(errors="replace")
            found.append(Page(name, role, answer.headers, text, client.session.session_key))
    return found


def policy_of(page: Page) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in page.headers["Content-Security-Policy"].split(";"))
    return {name: value for name, _, value in parts}


def test_pages_run_nothing_that_is_not_ours(pages: list[Page]) -> None:
    for page in pages:
        policy = policy_of(page)

        assert policy["default-src"] == policy["object-src"] == policy["base-uri"] == "'none'", str(page)
        assert policy["script-src"] == policy["style-src"] == "'self'", str(page)
        assert not re.search(r"unsafe|\*|http", page.headers["Content-Security-Policy"]), str(page)


def test_pages_cannot_be_put_into_frames(pages: list[Page]) -> None:
    for page in pages:
        assert policy_of(page)["frame-ancestors"] == "'none'", str(page)
        assert page.headers["X-Frame-Options"] == "DENY", str(page)


def test_pages_have_no_script_or_style_in_them_and_load_nothing_from_elsewhere(pages: list[Page]) -> None:
    for page in (one for one in pages if one.is_html):
        assert not INLINE.search(page.text), str(page)
        loaded = re.findall(
            r"""<(?:script|link|img|iframe|source)\b[^>]*\b(?:src|href)="([^"]+)\"""", page.text
        )
        assert all(one.startswith(("/", "data:")) for one in loaded), str(page)


def test_pages_say_what_they_are(pages: list[Page]) -> None:
    for page in pages:
        if re.match(r"text/|[a-z]+/[a-z.+-]*xml", page.headers["Content-Type"]):
            assert re.search(r'; charset="?utf-8"?(;|$)', page.headers["Content-Type"]), (
                str(page),
                page.headers["Content-Type"],
            )
        assert page.headers["X-Content-Type-Options"] == "nosniff", str(page)


def test_pages_tell_other_sites_nothing_and_take_nothing_from_them(pages: list[Page]) -> None:
    """Open data alone may be read by programs of any site."""
    for page in pages:
        is_open = page.name in OPEN
        assert page.headers["Referrer-Policy"] == "same-origin", str(page)
        assert page.headers["Cross-Origin-Opener-Policy"] == "same-origin", str(page)
        resource = page.headers["Cross-Origin-Resource-Policy"]
        assert resource == ("cross-origin" if is_open else "same-origin"), str(page)
        assert page.headers.get("Access-Control-Allow-Origin") == ("*" if is_open else None), str(page)
        assert "Access-Control-Allow-Credentials" not in page.headers, str(page)


def test_what_somebody_sees_who_is_signed_in_is_kept_nowhere(pages: list[Page]) -> None:
    for page in pages:
        if page.role != "anonymous" and page.name not in {*OPEN, *DRAWINGS, *PUBLISHED}:
            assert "no-store" in page.headers["Cache-Control"], str(page)
            assert "public" not in page.headers["Cache-Control"], str(page)


def test_what_is_kept_by_everybody_brings_no_cookie(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session writes down its use once a minute and sends its cookie again; nobody in between keeps that."""
    client = client_of(site.of("resident"))
    moments = iter([utc_now() + timedelta(minutes=2 * number) for number in range(1, 10)])
    monkeypatch.setattr("tanpuhui.web.shared.session_age.utc_now", lambda: next(moments))
    for name in DRAWINGS:
        answer = client.get(address_of(name, "resident"))

        assert settings.SESSION_COOKIE_NAME in answer.cookies
        assert answer.headers["Cache-Control"] == "no-store, private"


def test_signing_out_is_on_every_page_of_somebody_who_is_signed_in(pages: list[Page]) -> None:
    for page in pages:
        if page.role != "anonymous" and page.is_html:
            assert 'action="/sign-in/sign-out/"' in page.text, str(page)


def test_files_are_given_under_names_of_ours(pages: list[Page]) -> None:
    given = [page.headers["Content-Disposition"] for page in pages if "Content-Disposition" in page.headers]

    assert given
    for one in given:
        assert re.fullmatch(r'(inline|attachment); filename="[A-Za-z0-9._-]{3,80}"', one), one


def test_no_page_shows_the_key_of_a_session(pages: list[Page]) -> None:
    for page in pages:
        if page.session_key:
            assert page.session_key not in page.text, str(page)


def test_no_page_keeps_anything_in_the_browser(pages: list[Page]) -> None:
    """Besides cookies; htmx is told to keep no pages either."""
    for page in pages:
        assert not re.search(r"localStorage|sessionStorage|indexedDB", page.text), str(page)
        if "htmx-config" in page.text:
            assert '"historyCacheSize":0' in page.text, str(page)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_a_script_or_style_in_it_or_turns_escaping_off(path: Path) -> None:
    text = path.read_text()

    assert not INLINE.search(text)
    assert not re.search(r"\|\s*safe\b|autoescape\s+off|\|\s*safeseq\b", text)


@pytest.mark.parametrize(
    "path", ["/nothing", "/static/", "/static/shared/", "/.git/config", "/static/..%2fsettings.py"]
)
def test_there_is_nothing_to_list_or_to_find_besides_pages(path: str, site: Site) -> None:
    assert client_of(None).get(path).status_code == 404


def test_files_of_pages_are_told_apart_by_their_type(site: Site) -> None:
    client = client_of(None)
    sheet = re.search(r'rel="stylesheet" href="([^"]+)"', client.get("/").content.decode())
    assert sheet

    answer = client.get(sheet[1])
    headers = answer.headers
    b"".join(answer.streaming_content)

    assert headers["Content-Type"] == 'text/css; charset="utf-8"'
    assert headers["X-Content-Type-Options"] == "nosniff"
