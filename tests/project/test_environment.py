"""Production refuses to start with what only a demonstration may have, and names the variable."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tanpuhui.project.environment import BadSetting, read

SECRET = "aV3nqY7rTq0sWk2pZx9dLm4cBh6gJf8u-EoRiNtAlYwXzQvUpS1"
FIT = {
    "TANPUHUI_ENV": "production",
    "TANPUHUI_SECRET_KEY": SECRET,
    "TANPUHUI_ALLOWED_HOSTS": "carbon.example.org",
    "TANPUHUI_EMAIL_URL": "smtps://codes@mail.example.org:465",
}
SERVICE = {
    "TANPUHUI_OIDC_ISSUER": "https://id.example.org/realm/",
    "TANPUHUI_OIDC_CLIENT_ID": "city",
    "TANPUHUI_OIDC_SECRET": "a secret of this client",
}


def test_local_needs_nothing() -> None:
    found = read({})

    assert (found.name, found.is_production, found.is_demo, found.hosts) == ("local", False, False, ())


def test_production_starts_with_what_is_fit() -> None:
    found = read(FIT)

    assert found.is_production
    assert found.hosts == ("carbon.example.org",)
    assert (found.mail.host, found.mail.port, found.mail.ssl) == ("mail.example.org", 465, True)


@pytest.mark.parametrize(
    "database",
    [
        "",
        "postgresql:///city",
        "postgresql://owner@localhost/city",
        "postgresql:///city?host=/run/postgresql",
        "postgresql://owner@db.example.org/city?sslmode=verify-full&sslrootcert=/etc/ca.pem",
    ],
)
def test_a_database_on_this_machine_or_one_that_shows_who_it_is_is_fit(database: str) -> None:
    assert read({**FIT, "TANPUHUI_DATABASE_URL": database}).is_production


def test_secrets_are_replaced_without_signing_everybody_out_at_once(tmp_path: Path) -> None:
    earlier = tmp_path / "earlier"
    earlier.write_text(f"{SECRET[::-1]}\n")

    found = read({**FIT, "TANPUHUI_EARLIER_SECRET_KEYS_FILE": str(earlier)})

    assert found.earlier_secrets == (SECRET[::-1],)
    assert SECRET[::-1] not in repr(found)


def test_the_server_speaks_to_the_identity_service_and_nobody_else() -> None:
    assert read(FIT).identity_service is None
    service = read({**FIT, **SERVICE, "TANPUHUI_OIDC_ORIGINS": "https://keys.example.org"}).identity_service
    assert service
    assert service.issuer == "https://id.example.org/realm/"
    assert service.origins == ("https://id.example.org", "https://keys.example.org")
    assert "a secret of this client" not in repr(service)
    assert service.rsa_bits == 3_072


@pytest.mark.parametrize(
    ("changes", "variable"),
    [
        ({"TANPUHUI_SECRET_KEY": ""}, "TANPUHUI_SECRET_KEY"),
        ({"TANPUHUI_SECRET_KEY": "demo-" + SECRET}, "TANPUHUI_SECRET_KEY"),
        ({"TANPUHUI_SECRET_KEY": "django-insecure-" + SECRET}, "TANPUHUI_SECRET_KEY"),
        ({"TANPUHUI_SECRET_KEY": "a" * 60}, "TANPUHUI_SECRET_KEY"),
        ({"TANPUHUI_SECRET_KEY": SECRET[:49]}, "TANPUHUI_SECRET_KEY"),
        ({"TANPUHUI_SECRET_KEY_FILE": "/nowhere/secret"}, "TANPUHUI_SECRET_KEY_FILE"),
        ({"TANPUHUI_ALLOWED_HOSTS": ""}, "TANPUHUI_ALLOWED_HOSTS"),
        ({"TANPUHUI_ALLOWED_HOSTS": " , "}, "TANPUHUI_ALLOWED_HOSTS"),
        ({"TANPUHUI_ALLOWED_HOSTS": "*"}, "TANPUHUI_ALLOWED_HOSTS"),
        ({"TANPUHUI_DEMO": "1"}, "TANPUHUI_DEMO"),
        ({"TANPUHUI_EMAIL_URL": ""}, "TANPUHUI_EMAIL_URL"),
        ({"TANPUHUI_EMAIL_URL": "https://mail.example.org"}, "TANPUHUI_EMAIL_URL"),
        ({"TANPUHUI_EMAIL_URL": "smtp://mail.example.org:25"}, "TANPUHUI_EMAIL_URL"),
        ({"TANPUHUI_EARLIER_SECRET_KEYS": "demo-" + SECRET}, "TANPUHUI_EARLIER_SECRET_KEYS"),
        ({"TANPUHUI_EARLIER_SECRET_KEYS": f"{SECRET} short"}, "TANPUHUI_EARLIER_SECRET_KEYS"),
        ({"TANPUHUI_EARLIER_SECRET_KEYS_FILE": "/nowhere/secret"}, "TANPUHUI_EARLIER_SECRET_KEYS_FILE"),
        ({"TANPUHUI_EMAIL_PASSWORD_FILE": "/nowhere/secret"}, "TANPUHUI_EMAIL_PASSWORD_FILE"),
        ({"TANPUHUI_SECOND_FACTOR": "nobody"}, "TANPUHUI_SECOND_FACTOR"),
        ({"TANPUHUI_DATABASE_URL": "postgresql://owner@db.example.org/city"}, "TANPUHUI_DATABASE_URL"),
        (
            {"TANPUHUI_DATABASE_URL": "postgresql://owner@db.example.org/city?sslmode=require"},
            "TANPUHUI_DATABASE_URL",
        ),
        ({"TANPUHUI_DATABASE_URL": "postgresql:///city?host=db.example.org"}, "TANPUHUI_DATABASE_URL"),
        ({"TANPUHUI_ENV": "prod"}, "TANPUHUI_ENV"),
        ({"TANPUHUI_PROXIES": "-1"}, "TANPUHUI_PROXIES"),
        ({"TANPUHUI_OIDC_ISSUER": "http://id.example.org"}, "TANPUHUI_OIDC_ISSUER"),
        ({"TANPUHUI_OIDC_ISSUER": "https://id.example.org"}, "TANPUHUI_OIDC_CLIENT_ID"),
        (
            {"TANPUHUI_OIDC_ISSUER": "https://id.example.org", "TANPUHUI_OIDC_CLIENT_ID": "x"},
            "TANPUHUI_OIDC_SECRET_FILE",
        ),
        ({**SERVICE, "TANPUHUI_OIDC_RSA_BITS": "1024"}, "TANPUHUI_OIDC_RSA_BITS"),
        ({**SERVICE, "TANPUHUI_OIDC_ORIGINS": "http://keys.example.org"}, "TANPUHUI_OIDC_ORIGINS"),
        ({**SERVICE, "TANPUHUI_OIDC_ORIGINS": "https://keys.example.org/path"}, "TANPUHUI_OIDC_ORIGINS"),
    ],
)
def test_what_is_unfit_is_refused_by_name(changes: dict[str, str], variable: str) -> None:
    with pytest.raises(BadSetting) as refused:
        read({**FIT, **changes})

    assert refused.value.facts["variable"] == variable
    assert SECRET not in str(refused.value)


def test_a_secret_comes_from_a_file_and_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")

    found = read({**FIT, "TANPUHUI_SECRET_KEY": "", "TANPUHUI_SECRET_KEY_FILE": str(file)})

    assert found.secret == SECRET
    assert SECRET not in repr(found)


@pytest.mark.slow
def test_the_program_itself_refuses_to_start(tmp_path: Path) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("tanpuhui"), "close", "list"],
        env={"PATH": "/usr/bin:/bin", "TANPUHUI_HOME": str(tmp_path), "TANPUHUI_ENV": "production"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "TANPUHUI_ALLOWED_HOSTS" in done.stderr
    assert "Traceback" not in done.stderr


PRODUCTION = """
import os, json
os.environ["DJANGO_SETTINGS_MODULE"] = "tanpuhui.project.settings"
from django.conf import settings as s
print(json.dumps({name: getattr(s, name) for name in (
    "SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY",
    "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS", "DEBUG", "DEMO", "SECOND_FACTOR_FOR_ORGANISATIONS",
    "SECURE_PROXY_SSL_HEADER", "EMAIL_BACKEND", "ATOMIC_REQUESTS")}))
"""


@pytest.mark.slow
def test_cookies_and_transport_are_strict_in_production(tmp_path: Path) -> None:
    import json

    done = subprocess.run(
        [sys.executable, "-c", PRODUCTION],
        env={
            "PATH": "/usr/bin:/bin",
            "TANPUHUI_HOME": str(tmp_path),
            "TANPUHUI_DATABASE_URL": "postgresql:///none",
            "TANPUHUI_PROXIES": "1",
            **FIT,
        },
        capture_output=True,
        text=True,
        check=True,
    )

    found = json.loads(done.stdout)
    assert found["SESSION_COOKIE_NAME"].startswith("__Host-")
    assert found["CSRF_COOKIE_NAME"].startswith("__Host-")
    assert found["SECURE_HSTS_SECONDS"] >= 365 * 24 * 3600
    assert found["SECURE_PROXY_SSL_HEADER"] == ["HTTP_X_FORWARDED_PROTO", "https"]
    on = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "SECURE_SSL_REDIRECT")
    assert all(found[name] for name in (*on, "SECOND_FACTOR_FOR_ORGANISATIONS"))
    assert not any(found[name] for name in ("DEBUG", "DEMO", "ATOMIC_REQUESTS"))
