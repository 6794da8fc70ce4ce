"""docs/reference/security.md says what the code does: its tables are compared with settings, tables and events."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

import tanpuhui
from tanpuhui.access.limits import ORGANISATION, RESIDENT

PACKAGE = Path(tanpuhui.__file__).parent
DOCUMENT = (PACKAGE.parents[1] / "docs" / "reference" / "security.md").read_text()
FILES = [path for path in PACKAGE.rglob("*.py") if "migrations" not in path.parts]


def section(title: str) -> str:
    """The text below a heading."""
    found = re.search(rf"^## {re.escape(title)}$\n(.*?)(?=^## |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert found, title
    assert len(found[1].split()) > 20, title
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The cells of the tables in a section, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    heads = [index for index, line in enumerate(lines) if re.match(r"\| ---", line)]
    dropped = {*heads, *(index - 1 for index in heads)}
    return [one for index, one in enumerate(cells) if index not in dropped]


def words_in_code(text: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", text))


def test_every_limit_is_as_the_settings_say(settings: Any) -> None:
    said = {row[1].strip("`"): row[2] for row in rows(section("Limits"))}
    known = {f"ACCOUNT_RATE_LIMITS.{name}": limit for name, limit in settings.ACCOUNT_RATE_LIMITS.items()}
    known |= {f"MFA_RATE_LIMITS.{name}": limit for name, limit in settings.MFA_RATE_LIMITS.items()}
    known |= {f"FORMS_A_MINUTE.{name}": str(limit) for name, limit in settings.FORMS_A_MINUTE.items()}

    assert said == known


def test_the_limits_of_sessions_are_as_the_code_has_them() -> None:
    resident, organisation = rows(section("Sessions"))

    assert resident[1:] == [f"{RESIDENT.unused.days} days", f"{RESIDENT.whole.days} days"]
    hours = [int(limit.total_seconds()) // 3600 for limit in (ORGANISATION.unused, ORGANISATION.whole)]
    assert organisation[1:] == [f"{hours[0]} hour", f"{hours[1]} hours"]
    for word in ("at once", "no limit to how many browsers", "identity service's", "session end"):
        assert word in section("Sessions") or word == "at once"


def test_the_ways_of_signing_in_are_all_that_there_are(settings: Any) -> None:
    text = section("Signing in")

    assert {"email"} == settings.ACCOUNT_LOGIN_METHODS
    assert settings.MFA_SUPPORTED_TYPES == ["totp", "webauthn", "recovery_codes"]
    assert settings.AUTHENTICATION_BACKENDS == ["allauth.account.auth_backends.AuthenticationBackend"]
    assert set(settings.SOCIALACCOUNT_PROVIDERS) == {"openid_connect"}
    for way in (
        "passkey",
        "code by e-mail",
        "identity service",
        "letter",
        "authenticator app",
        "recovery code",
    ):
        assert way in text
    assert f"good for {settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT // 60} minutes" in text
    assert f"{settings.ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS} guesses" in text
    assert f"{settings.ACCOUNT_REAUTHENTICATION_TIMEOUT // 60} minutes ago" in section("Sessions")
    assert settings.ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT == settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT


def test_the_rules_of_access_name_every_role() -> None:
    from tanpuhui.access.models import Membership

    text = section("Who may do what")

    assert {value for value, _ in Membership.ROLES} <= words_in_code(text)
    for who in ("anybody", "user", "holder", "member", "provider's program", "two people"):
        assert f"| {who}" in text
    for rule in ("403", "404", "Fields:"):
        assert rule in text


def test_every_key_is_in_the_inventory() -> None:
    used: set[str] = set()
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("secret_key"):
                (name, *_) = node.args
                used.add(name.value if isinstance(name, ast.Constant) else _constant(path, ast.unparse(name)))
    said = {
        re.findall(r"`([^`]+)`", row[0])[0] for row in rows(section("Keys and algorithms")) if "`" in row[0]
    }

    assert used == said


def _constant(path: Path, name: str) -> str:
    found = re.search(rf'^{name} = "([^"]+)"$', path.read_text(), re.MULTILINE)
    assert found, (path, name)
    return found[1]


def test_every_algorithm_of_keys_is_one_that_the_code_uses() -> None:
    text = section("Keys and algorithms")
    said = {
        word for row in rows(text) for word in re.findall(r"AES-256-GCM|HMAC-SHA-256|Ed25519|ES256", row[1])
    }

    assert said == {"AES-256-GCM", "HMAC-SHA-256", "Ed25519", "ES256"}
    assert "two years" in text


def test_every_event_is_in_the_inventory() -> None:
    said = {word for row in rows(section("What is written down")) for word in words_in_code(row[0])}
    noted: set[str] = set()
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "note":
                noted |= {one.value for one in node.args[:1] if isinstance(one, ast.Constant)}
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "_changed":
                noted |= {one.value for one in node.args[2:3] if isinstance(one, ast.Constant)}

    assert noted == said


def test_every_table_has_a_level_and_a_term() -> None:
    from django.apps import apps

    known = {
        model._meta.db_table.replace('"', "") for model in apps.get_models(include_auto_created=True)
    } | {"django_cache", "django_migrations", "ledger_posting"}
    listed = [row for row in rows(section("Data")) if "`" in row[0]]
    said = [word for row in listed for word in re.findall(r"`([^`]+)`", row[0])]

    assert sorted(said) == sorted(known)
    levels = {row[0] for row in rows(section("Data")) if "`" not in row[0]}
    assert levels == {"open", "internal", "personal", "sensitive"}
    for row in listed:
        assert row[1].split(",")[0].split()[0] in levels, row
        assert row[2], row


def test_limits_of_what_comes_in_are_as_the_code_has_them(settings: Any) -> None:
    from tanpuhui.evidence import upload
    from tanpuhui.web.shared import readable

    text = section("Input and files")

    for number in (
        readable.MOST_PATH,
        readable.MOST_QUERY,
        readable.MOST_HEADER,
        readable.MOST_HEADERS,
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
        upload.MOST_PARQUET_ROWS,
    ):
        assert f"{number:,}" in text
    assert f"{settings.DATA_UPLOAD_MAX_NUMBER_FIELDS} fields" in text
    assert f"{upload.MOST_SENT_BYTES // 1024**2} MiB as sent" in text
    assert f"{upload.MOST_BYTES // 1024**3} GiB unpacked" in text
    assert f"{upload.MOST_EXPANSION} times" in text
    assert settings.PAGE_UPLOAD_MAX_SIZE == 100_000_000
    assert "100 MB" in text


def test_everybody_the_server_speaks_with_is_named(settings: Any) -> None:
    text = section("With whom the server speaks")

    assert [row[0] for row in rows(text)] == [
        "browsers, providers' programs",
        "PostgreSQL",
        "mail server",
        "identity service",
        "witnesses of the log",
    ]
    assert settings.OUTBOUND_ORIGINS == ()


def test_what_costs_and_how_soon_weaknesses_are_mended_is_said() -> None:
    assert len(rows(section("What costs"))) >= 5
    terms = [row[1] for row in rows(section("Components"))]
    assert terms == ["48 hours", "7 days", "30 days", "90 days"]


@pytest.mark.parametrize(
    "name", ["TANPUHUI_SECOND_FACTOR", "TANPUHUI_OIDC_ORIGINS", "TANPUHUI_EARLIER_SECRET_KEYS_FILE"]
)
def test_variables_that_are_named_are_read(name: str) -> None:
    code = (PACKAGE / "project" / "environment.py").read_text()

    assert name.removesuffix("_FILE") in code
    assert name in DOCUMENT
