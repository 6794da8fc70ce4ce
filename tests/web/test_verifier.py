"""A verifier's pages: its own lots, what each close rests on, and the same numbers computed again."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from django.core.cache import caches

from tanpuhui.access.models import AuditEntry, Organisation
from tanpuhui.close.models import Manifest
from web.site import client_of, make_site
from web.town import Closed

pytestmark = pytest.mark.django_db
EN = {"HTTP_ACCEPT_LANGUAGE": "en"}
LOT = "/verifier/own-verifier/lots/DEMO-000001"


@pytest.fixture(autouse=True)
def without_second_factor(settings: Any) -> None:
    settings.SECOND_FACTOR_FOR_ORGANISATIONS = False


def test_a_verifier_sees_the_lots_that_name_it_and_no_others(closed: Closed) -> None:
    client = client_of(make_site()["verifier"])
    assert "DEMO-000001" in client.get("/verifier/own-verifier/", **EN).content.decode()

    Organisation.objects.filter(code="own-verifier").update(name_en="Another", name_zh="另一家")

    assert "DEMO-000001" not in client.get("/verifier/own-verifier/", **EN).content.decode()
    assert client.get(f"{LOT}/").status_code == 404


def test_a_manifest_is_read_downloaded_as_its_digest_says_and_computed_again(closed: Closed) -> None:
    client = client_of(make_site()["verifier"])
    manifest = Manifest.objects.get()
    digest = manifest.digest.removeprefix("sha256:")

    page = client.get(f"{LOT}/{digest}/", **EN).content.decode()
    file = client.get(f"{LOT}/{digest}.json").content
    answer = client.post(f"{LOT}/{digest}/replay/")
    after = client.get(answer.headers["Location"], **EN).content.decode()

    assert hashlib.sha256(file).hexdigest() == digest
    for evidence in manifest.body["inputs"]["evidence"]:
        assert evidence["digest"] in page
    assert "agrees, over 12 records, to the milligram." in after
    assert AuditEntry.objects.get(verb="replay").facts == {
        "agrees": True,
        "rows": 12,
        "credited_mg": 5_040_000_000,
        "differences": 0,
    }
    assert "agrees" in client.get(f"{LOT}/", **EN).content.decode()


def test_a_file_that_was_altered_is_refused_with_its_name(closed: Closed) -> None:
    client = client_of(make_site()["verifier"])
    manifest = Manifest.objects.get()
    [file] = [one for one in manifest.body["inputs"]["evidence"] if one["bucket"] == 0]
    (closed.town.places.lake / file["path"]).write_bytes(b"other")

    answer = client.post(f"{LOT}/{manifest.digest.removeprefix('sha256:')}/replay/", **EN)

    assert answer.status_code == 422
    assert "no longer has the digest" in answer.content.decode()
    assert not AuditEntry.objects.filter(verb="replay").exists()


def test_computing_again_is_slowed_down_and_manifests_of_no_lot_are_not_there(closed: Closed) -> None:
    caches["default"].clear()
    client = client_of(make_site()["verifier"])
    digest = Manifest.objects.get().digest.removeprefix("sha256:")

    statuses = [client.post(f"{LOT}/{digest}/replay/").status_code for _ in range(7)]

    assert statuses == [302] * 6 + [429]
    assert client.get(f"{LOT}/{'0' * 64}/").status_code == 404
