"""Proof: files that rows refer to are there, the log is not behind what was published, and witnesses sign it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from django.db import connection

from tanpuhui.close.installation import places
from tanpuhui.close.models import Manifest
from tanpuhui.evidence.models import LakeFile
from tanpuhui.kit.digest import PREFIX, digest_file
from tanpuhui.kit.erased import standing
from tanpuhui.kit.refusal import Refusal
from tanpuhui.ledger.detached import months
from tanpuhui.notary import installation
from tanpuhui.operation.finding import Finding
from tanpuhui.transparency import note
from tanpuhui.transparency.checkpoint import read_checkpoint
from tanpuhui.transparency.cosign import is_trusted
from tanpuhui.transparency.models import Leaf
from tanpuhui.transparency.tiles import CHECKPOINT

#: Files named in one finding.
NAMED = 5


def files(lake: Path, *, digests: bool) -> Iterator[Finding]:
    """Files of the lake and of the ledger's months that are missing or have another size; with ``digests``, or another
    content. Reads all then.
    """
    named = (_standing(*one) for one in _named(lake))
    bad = [why for path, size, digest in named if (why := _wrong(path, size, digest if digests else ""))]
    if bad:
        more = f" and {len(bad) - NAMED} more" if len(bad) > NAMED else ""
        yield Finding(
            "proof.files",
            True,
            f"{', '.join(bad[:NAMED])}{more}.",
            "Bring them back from a copy ('tanpuhui backup restore'): no day that needs them closes again.",
        )


def _named(lake: Path) -> Iterator[tuple[Path, int | None, str]]:
    for path, size, digest in (
        LakeFile.objects.order_by("id").values_list("path", "size_bytes", "digest").iterator()
    ):
        yield lake / path, size, digest
    for month in months(connection):
        yield month.path, month.bytes, month.digest
    for outputs in (
        Manifest.objects.order_by("day", "sequence").values_list("body__outputs", flat=True).iterator()
    ):
        for digest in (output[name] for output in outputs for name in ("results", "credits")):
            yield places().results.path(digest), None, digest


def _standing(path: Path, size: int | None, digest: str) -> tuple[Path, int | None, str]:
    """What stands for a file: itself, or what an erasure left of it, which its own name says."""
    found = standing(path)
    return (path, size, digest) if found == path else (found, None, PREFIX + found.stem)


def _wrong(path: Path, size: int | None, digest: str) -> str:
    if not path.is_file():
        return f"{path} is missing"
    if size is not None and path.stat().st_size != size:
        return f"{path} has {path.stat().st_size:,} bytes and not {size:,}"
    if digest and digest_file(path) != digest:
        return f"{path} has other content"
    return ""


def log() -> Iterator[Finding]:
    """A log that is behind its own published checkpoint was brought back too early: it would sign a second history."""
    ours = installation.log()
    published = ours.folder / CHECKPOINT
    count = Leaf.objects.count()
    if published.exists():
        try:
            size = read_checkpoint(note.verify_with(published.read_text(), [ours.key.verifier]).text).size
        except Refusal as refusal:
            yield Finding(
                "proof.checkpoint", True, str(refusal), "Run 'tanpuhui audit', and find out who wrote it."
            )
            return
        if size > count:
            yield Finding(
                "proof.log_behind",
                True,
                f"The published checkpoint has {size:,} leaves, the database {count:,}.",
                "Bring back a later moment: witnesses refuse another history than the published one.",
            )
    policy = installation.policy()
    if count and policy.witnesses and not is_trusted(policy):
        yield Finding(
            "proof.not_witnessed",
            False,
            "The newest checkpoint has fewer signatures of witnesses than the policy asks for.",
            "Run 'tanpuhui log cosign' and see what each witness says.",
        )
