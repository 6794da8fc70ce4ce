"""The frame of every page: headers, languages, errors with a number, refusals, and a log without personal facts."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest
from django.test import Client

from tanpuhui.access.models import User
from tanpuhui.web.shared.log import Plain, WithRequestId
from web.site import client_of, make_site

pytestmark = pytest.mark.django_db
NOTE = '{% extends "shared/base.html" %}{% block main %}{{ form }}{% endblock %}'
CHINESE, ENGLISH = {"HTTP_ACCEPT_LANGUAGE": "zh-CN"}, {"HTTP_ACCEPT_LANGUAGE": "en"}


def test_every_page_says_what_a_browser_may_do_with_it(client: Client) -> None:
    headers = client.get("/").headers

    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert re.fullmatch(r"[0-9a-f]{32}", headers["X-Request-ID"])


def test_a_public_page_sets_no_cookie(client: Client) -> None:
    answer = client.get("/")

    assert not answer.cookies
    assert "Cache-Control" not in answer.headers


def test_another_site_cannot_change_the_language_of_a_user() -> None:
    client = client_of(make_site()["resident"])

    client.post("/language/", {"language": "en"}, HTTP_SEC_FETCH_SITE="cross-site")
    client.post("/language/", {"language": "en"}, HTTP_ORIGIN="https://evil.example")
    client.post("/language/", {"language": "en"})

    assert User.objects.get(email="resident@example.org").language == ""


def test_no_page_has_a_script_or_style_of_its_own_in_it() -> None:
    people = make_site()
    for role, address in (("anonymous", "/"), ("resident", "/resident/"), ("bank", "/sign-in/settings/")):
        text = client_of(people[role]).get(address).content.decode()

        assert not re.search(r"<script(?![^>]*(src=|application/json))|<style|\sstyle=|\son\w+=", text)


def test_pages_of_somebody_who_is_signed_in_are_not_kept_anywhere() -> None:
    people = make_site()

    answer = client_of(people["resident"]).get("/resident/")

    assert answer.headers["Cache-Control"] == "no-store, private"


@pytest.mark.parametrize(
    ("asked", "found"), [("zh-CN", "zh-hans"), ("en-GB", "en"), ("de", "zh-hans"), ("", "zh-hans")]
)
def test_a_browser_gets_its_language_and_chinese_if_we_do_not_have_it(
    client: Client, asked: str, found: str
) -> None:
    answer = client.get("/", HTTP_ACCEPT_LANGUAGE=asked)

    assert answer.headers["Content-Language"] == found
    assert f'<html lang="{found}">' in answer.content.decode()


def test_a_chosen_language_stays_in_the_browser_and_goes_with_the_user() -> None:
    people = make_site()
    client = client_of(people["resident"])

    answer = client.post(
        "/language/",
        {"language": "en", "next": "/resident/"},
        HTTP_SEC_FETCH_SITE="same-origin",
        **CHINESE,
    )

    assert (answer.status_code, answer.headers["Location"]) == (302, "/resident/")
    assert client.get("/resident/", **CHINESE).headers["Content-Language"] == "en"
    assert User.objects.get(email="resident@example.org").language == "en"
    elsewhere = client_of(User.objects.get(email="resident@example.org"))
    assert elsewhere.get("/resident/", **CHINESE).headers["Content-Language"] == "en"


@pytest.mark.parametrize(
    ("sent", "to"),
    [
        ({"language": "en", "next": "https://evil.example/"}, "/"),
        ({"language": "en", "next": "//evil.example/"}, "/"),
        ({"language": "xx", "next": "/sign-in/"}, "/sign-in/"),
        ({}, "/"),
    ],
)
def test_choosing_a_language_leads_nowhere_else(client: Client, sent: dict[str, str], to: str) -> None:
    answer = client.post("/language/", sent)

    assert (answer.status_code, answer.headers["Location"]) == (302, to)


@pytest.mark.parametrize(
    ("address", "status", "english", "chinese"),
    [
        ("/nothing", 404, "There is nothing at this address", "此处没有内容"),
        ("/fail/forbidden", 403, "This page is not for your role", "您的身份不能查看此页"),
        ("/fail/suspicious", 400, "This request could not be read", "无法识别此请求"),
        ("/fail/broken", 500, "Something went wrong on our side", "我们这边出了问题"),
        ("/fail/unknown", 404, "There is no such approval.", "没有此审批"),
        ("/fail/used", 409, "This approval was used on 2 March", "此审批已于 2 March 使用"),
        ("/fail/missing", 422, "Say why, in a few words", "请简要说明原因"),
    ],
)
def test_what_goes_wrong_is_said_in_the_readers_language_with_a_number(
    views_that_fail: None, address: str, status: int, english: str, chinese: str
) -> None:
    client = Client(raise_request_exception=False)

    for language, sentence in ((ENGLISH, english), (CHINESE, chinese)):
        answer = client.get(address, **language)
        text = answer.content.decode()

        assert answer.status_code == status
        assert sentence in text
        assert answer.headers["X-Request-ID"] in text
        assert not re.search(r"Traceback|RuntimeError|hunter2|ming@|site-packages", text)


def test_a_form_without_its_token_is_refused_in_plain_words() -> None:
    answer = Client(enforce_csrf_checks=True).post("/sign-in/", {"login": "x@example.org"}, **ENGLISH)

    assert answer.status_code == 403
    assert "This form was open for too long" in answer.content.decode()


def test_a_refusal_keeps_the_form_as_typed_and_nothing_half_done(
    views_that_fail: None, settings: Any
) -> None:
    settings.TEMPLATES = [
        {
            **settings.TEMPLATES[0],
            "APP_DIRS": False,
            "OPTIONS": {
                **settings.TEMPLATES[0]["OPTIONS"],
                "loaders": [
                    (
                        "django.template.loaders.locmem.Loader",
                        {"web_tests/note.html": NOTE},
                    ),
                    "django.template.loaders.app_directories.Loader",
                ],
            },
        }
    ]
    client = Client()

    answer = client.post("/note", {"note": "twice"}, **ENGLISH)
    text = answer.content.decode()

    assert answer.status_code == 409
    assert "This approval was used on 2 March" in text
    assert 'value="twice"' in text
    assert not User.objects.exists()
    assert client.post("/note", {"note": ""}, **ENGLISH).status_code == 422
    assert client.post("/note", {"note": "good"}, **ENGLISH).status_code == 302
    assert User.objects.count() == 1


@pytest.mark.parametrize("given", ["ming@example.org", "x" * 65, "a b", "1\n2"])
def test_a_request_id_from_outside_is_taken_from_our_own_proxy_alone(
    client: Client, given: str, settings: Any
) -> None:
    assert (
        client.get("/healthz", HTTP_X_REQUEST_ID="from-outside-1").headers["X-Request-ID"] != "from-outside-1"
    )

    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1

    assert client.get("/healthz", HTTP_X_REQUEST_ID="from-proxy-1").headers["X-Request-ID"] == "from-proxy-1"
    assert client.get("/healthz", HTTP_X_REQUEST_ID=given).headers["X-Request-ID"] != given


def test_the_log_has_neither_addresses_nor_what_was_asked_nor_what_an_error_said(
    views_that_fail: None, caplog: pytest.LogCaptureFixture
) -> None:
    shown = []
    formatter, number = Plain(), WithRequestId()
    client = Client(raise_request_exception=False)

    with caplog.at_level(logging.INFO):
        for logger in ("tanpuhui", "django"):
            logging.getLogger(logger).addHandler(caplog.handler)
        client.get("/?email=ming@example.org")
        client.get("/nothing?code=SECRET")
        client.post("/sign-in/", {"login": "ming@example.org"})
        client.get("/fail/broken")
        for logger in ("tanpuhui", "django"):
            logging.getLogger(logger).removeHandler(caplog.handler)
    for record in caplog.records:
        number.filter(record)
        shown.append(formatter.format(record))

    text = "\n".join(shown)
    assert "POST /sign-in/ 302" in text
    assert "builtins.RuntimeError" in text
    assert "test_frame" not in text
    assert not re.search(r"@example|SECRET|\?", text)


def test_pages_are_small_and_quick(client: Client, django_assert_max_num_queries: Any) -> None:
    people = make_site()
    signed_in = client_of(people["resident"])

    # Two of them ask for the newest month of statistics: exact, or with noise.
    with django_assert_max_num_queries(3):
        assert len(client.get("/").content) < 20_000
    with django_assert_max_num_queries(8):
        assert len(signed_in.get("/resident/").content) < 20_000


def test_the_stylesheet_is_one_file_of_less_than_30_kilobytes(client: Client) -> None:
    text = client.get("/").content.decode()
    sheets = re.findall(r'rel="stylesheet" href="([^"]+)"', text)

    assert len(sheets) == 1
    answer = client.get(sheets[0])
    assert answer.status_code == 200
    assert len(b"".join(answer.streaming_content)) < 30_000
