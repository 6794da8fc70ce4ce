"""The log as everybody reads it: files with the headers that they should have, and nothing else of the disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import transaction
from django.test import Client

from tanpuhui.kit.moment import utc_now
from tanpuhui.notary import installation
from tanpuhui.transparency import verify_certificate
from tanpuhui.transparency.log import enter, publish, sign_checkpoint
from tanpuhui.transparency.record import Record

pytestmark = pytest.mark.django_db


@pytest.fixture()
def published(fresh_home: Path) -> Path:
    """A log of three leaves."""
    with transaction.atomic():
        enter([Record("lot", str(number), {"tonnes": number}) for number in range(3)], at=utc_now())
        sign_checkpoint(installation.log(), at=utc_now())
    publish(installation.log())
    return installation.folder()


def test_the_checkpoint_is_short_lived_and_tiles_are_kept_for_ever(client: Client, published: Path) -> None:
    checkpoint = client.get("/log/checkpoint")
    assert checkpoint.content == (published / "checkpoint").read_bytes()
    assert checkpoint["Content-Type"] == "text/plain; charset=utf-8"
    assert checkpoint["Cache-Control"] == "public, max-age=2"

    for name in ("tile/0/000.p/3", "tile/entries/000.p/3"):
        tile = client.get(f"/log/{name}")
        assert tile.content == (published / name).read_bytes()
        assert tile["Content-Type"] == "application/octet-stream"
        assert "immutable" in tile["Cache-Control"]


@pytest.mark.parametrize(
    "name",
    [
        "0/001",
        "0/000",
        "64/000",
        "00/000",
        "0/000.p",
        "0/000.p/03",
        "../policy",
        "0/..%2f..%2fkeys",
        "0/x00/000",
    ],
)
def test_there_is_nothing_else_below_tiles(client: Client, published: Path, name: str) -> None:
    assert client.get(f"/log/tile/{name}").status_code == 404


def test_the_verifier_and_the_policy_are_to_be_had_and_fit(client: Client, published: Path) -> None:
    policy = client.get("/log/policy").content.decode()
    program = client.get("/log/verify_certificate.py")

    assert b"def check_file" in program.content
    assert "attachment" in program["Content-Disposition"]
    said = verify_certificate.check_file(client.get("/log/checkpoint").content, policy)
    assert (said[0]["kind"], said[0]["leaves"]) == ("checkpoint", 3)


@pytest.mark.parametrize(("language", "word"), [("en", "Newest checkpoint"), ("zh-hans", "最新检查点")])
def test_the_page_shows_the_newest_checkpoint(
    client: Client, published: Path, language: str, word: str
) -> None:
    page = client.get("/log/", headers={"Accept-Language": language}).content.decode()

    assert word in page
    assert installation.log().origin in page
