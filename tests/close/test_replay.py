"""Replay: a manifest and its files are enough to compute a close again, and nothing else will do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.db import DatabaseError, connection, transaction

from close.town import TAKEN_AT, Town, manifest, metro, posted_lines
from tanpuhui.close.models import Manifest
from tanpuhui.close.refusals import ManifestUnknown, RuleChanged
from tanpuhui.close.replay import ReplayAnswer, find_manifest, replay
from tanpuhui.close.run import CloseAnswer
from tanpuhui.close.store import FileAltered, FileMissing
from tanpuhui.consent.models import Grant
from tanpuhui.consent.withdraw import withdraw
from tanpuhui.kit.digest import digest_json
from tanpuhui.quantify.jurisdiction import load_jurisdiction


@pytest.fixture()
def closed(town: Town) -> CloseAnswer:
    """A day with two people, one of them unknown when the file was taken."""
    people = town.settle("ab")
    town.take(metro("1", "a", 10_000), metro("2", "late", 3_000), metro("3", "nobody", 100))
    town.take(metro("1", "a", 9_000, revision=1, action="report"))
    town.link({"late": people["b"]})
    return town.close()


def again(town: Town, answer: CloseAnswer, **others: Any) -> ReplayAnswer:
    given = {"places": town.places, "jurisdiction": town.jurisdiction, "library": town.library} | others
    return replay(manifest(answer), **given)


def altered(path: Path) -> Path:
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return path


def test_a_replay_agrees_and_posts_nothing(town: Town, closed: CloseAnswer) -> None:
    lines = posted_lines()

    answer = again(town, closed)

    assert answer.agrees
    assert (answer.rows, answer.credited_mg, answer.differences) == (4, 420_300 + 140_100, [])
    assert posted_lines() == lines


def test_a_replay_agrees_whatever_has_changed_since(town: Town, closed: CloseAnswer) -> None:
    grant = Grant.objects.order_by("id").first()
    assert grant is not None
    withdraw(grant.pk, at=TAKEN_AT, method="test")
    town.take(metro("9", "a", 77_000, hour=20))
    town.link({"nobody": town.settle("c")["c"]})

    assert again(town, closed).agrees
    assert town.close().credited_mg != closed.credited_mg
    assert again(town, closed).agrees


def test_a_replay_finds_other_results(town: Town, closed: CloseAnswer) -> None:
    found = manifest(closed)
    output = next(output for output in found.body["outputs"] if output["rows"])
    output["digest"] = "sha256:" + "0" * 64
    forged = Manifest(digest=digest_json(found.body), day=found.day, body=found.body)

    answer = replay(forged, places=town.places, jurisdiction=town.jurisdiction, library=town.library)

    assert not answer.agrees
    assert [difference["bucket"] for difference in answer.differences] == [output["bucket"]]


def test_a_replay_refuses_every_input_that_was_altered_or_is_missing(town: Town, closed: CloseAnswer) -> None:
    inputs = manifest(closed).body["inputs"]
    taken = [file["path"] for file in (*inputs["evidence"], *inputs["revisions"]) if file.get("bucket") != -1]
    frozen = [inputs["distances"], *inputs["grants"].values(), *inputs["resolved"].values()]
    paths = [town.places.lake / path for path in taken] + [town.places.frozen.path(each) for each in frozen]
    assert len(paths) == 2 + 1 + 1 + 2 + 2

    for path in paths:
        whole = path.read_bytes()
        altered(path)
        with pytest.raises(FileAltered) as refused:
            again(town, closed)
        assert refused.value.code == "close.file_altered"
        path.unlink()
        with pytest.raises(FileMissing) as missing:
            again(town, closed)
        assert missing.value.code == "close.file_missing"
        path.write_bytes(whole)

    assert again(town, closed).agrees


def test_a_replay_refuses_other_rules(town: Town, closed: CloseAnswer) -> None:
    metro_now = town.library.get("shenzhen/metro", 1)
    other = replace(
        town.library,
        methodologies={
            **town.library.methodologies,
            ("shenzhen/metro", 1): replace(metro_now, digest="sha256:0"),
        },
    )

    with pytest.raises(RuleChanged, match="shenzhen/metro@1"):
        again(town, closed, library=other)
    with pytest.raises(RuleChanged, match="Jurisdiction demo"):
        again(town, closed, jurisdiction=load_jurisdiction("shenzhen"))


def test_a_replay_refuses_a_manifest_that_was_rewritten(town: Town, closed: CloseAnswer) -> None:
    found = manifest(closed)
    found.body["credited_mg"] += 1

    with pytest.raises(RuleChanged, match="own text"):
        replay(found, places=town.places, jurisdiction=town.jurisdiction, library=town.library)


def test_a_close_refuses_evidence_that_was_altered_and_posts_nothing(town: Town, closed: CloseAnswer) -> None:
    town.take(metro("4", "a", 1_000, hour=20))
    file = next(file for file in manifest(closed).body["inputs"]["evidence"] if file["bucket"] != -1)
    altered(town.places.lake / file["path"])
    lines = posted_lines()

    with pytest.raises(FileAltered):
        town.close()
    assert posted_lines() == lines
    assert Manifest.objects.count() == 1


def test_a_manifest_is_found_by_the_beginning_of_its_digest(town: Town, closed: CloseAnswer) -> None:
    bare = closed.manifest.removeprefix("sha256:")

    assert {find_manifest(name).digest for name in (closed.manifest, bare, bare[:12])} == {closed.manifest}
    for unknown in ("0" * 64, "nothing"):
        with pytest.raises(ManifestUnknown):
            find_manifest(unknown)


def test_manifests_are_append_only_in_the_database(town: Town, closed: CloseAnswer) -> None:
    for statement in ("UPDATE close_manifest SET credited_mg = 0", "DELETE FROM close_manifest"):
        with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic():
            connection.cursor().execute(statement)


def forged(found: Manifest, change: Callable[[dict[str, Any]], object]) -> Manifest:
    """A manifest that names itself by the right digest and says something else."""
    body = json.loads(json.dumps(found.body))
    change(body)
    return Manifest(digest=digest_json(body), day=found.day, body=body)


def test_a_replay_finds_credits_that_were_given_to_somebody_else(town: Town, closed: CloseAnswer) -> None:
    found = manifest(closed)

    def give_to_account_99(body: dict[str, Any]) -> None:
        for output in body["outputs"]:
            credits = pq.read_table(town.places.results.checked(output["credits"]))
            others = pa.array([99] * len(credits), pa.int64())
            output["credits"] = town.places.results.put(credits.set_column(0, "account_id", others))

    answer = replay(
        forged(found, give_to_account_99),
        places=town.places,
        jurisdiction=town.jurisdiction,
        library=town.library,
    )

    credited = {output["bucket"] for output in found.body["outputs"] if output["credited_mg"]}
    assert {difference["bucket"] for difference in answer.differences} == credited
    assert not answer.agrees


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("outcomes", {"credited": 9}),
        ("credited_mg", 1),
        ("below_mg", {"shanghai/household-electricity@1": 1}),
    ],
)
def test_a_replay_finds_a_sum_that_does_not_follow(
    town: Town, closed: CloseAnswer, name: str, said: Any
) -> None:
    other = forged(manifest(closed), lambda body: body.update({name: said}))

    answer = replay(other, places=town.places, jurisdiction=town.jurisdiction, library=town.library)

    assert [difference["sum"] for difference in answer.differences] == [name]
    assert not answer.agrees


def test_a_replay_finds_acts_that_are_said_to_be_others(town: Town, closed: CloseAnswer) -> None:
    """Verifiers' statements stand by this digest: nobody writes another close's into a manifest."""
    found = manifest(closed)
    credited = [place for place, one in enumerate(found.body["outputs"]) if one["acts"]]
    other = forged(
        found, lambda body: body["outputs"][credited[0]].update(acts=dict.fromkeys(("x/y@1",), "sha256:0"))
    )

    answer = replay(other, places=town.places, jurisdiction=town.jurisdiction, library=town.library)

    assert [one["bucket"] for one in answer.differences] == [found.body["outputs"][credited[0]]["bucket"]]


def test_a_replay_finds_a_bucket_too_many(town: Town, closed: CloseAnswer) -> None:
    other = forged(manifest(closed), lambda body: body["outputs"].append(body["outputs"][0] | {"bucket": 99}))

    answer = replay(other, places=town.places, jurisdiction=town.jurisdiction, library=town.library)

    assert [difference["bucket"] for difference in answer.differences] == [99]


def test_a_replay_refuses_a_manifest_that_leaves_a_methodology_out(town: Town, closed: CloseAnswer) -> None:
    other = forged(manifest(closed), lambda body: body["inputs"]["methodologies"].pop())

    with pytest.raises(RuleChanged, match="methodologies in use"):
        replay(other, places=town.places, jurisdiction=town.jurisdiction, library=town.library)


def test_a_replay_refuses_a_manifest_that_is_filed_under_another_day(town: Town, closed: CloseAnswer) -> None:
    other = forged(manifest(closed), lambda body: None)
    other.day = date(2026, 3, 3)

    with pytest.raises(RuleChanged, match="day"):
        replay(other, places=town.places, jurisdiction=town.jurisdiction, library=town.library)
