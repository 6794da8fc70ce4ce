"""Documents: what somebody takes along to prove something offline, made of the log and the database."""

from __future__ import annotations

from typing import Any

from tanpuhui.close.models import Manifest
from tanpuhui.notary.refusals import NoShare
from tanpuhui.notary.shares import shares_of
from tanpuhui.offsetting.models import Certificate
from tanpuhui.registry.models import Block, Lot, Movement, PrivateRelease, StatisticsRelease
from tanpuhui.transparency.log import Log, find_leaf, latest, receipt
from tanpuhui.transparency.models import Leaf
from tanpuhui.transparency.record import BUNDLE, SHARE


def receipt_of(log: Log, kind: str, key: str) -> dict[str, Any]:
    """The receipt of a fact; of a close and of statistics with the body whose digest was logged."""
    leaf = find_leaf(kind, key)
    given = receipt(log, leaf)
    if kind == "close":
        given["body"] = Manifest.objects.get(pk=key).body
    elif kind == "statistics":
        given["body"] = StatisticsRelease.objects.get(pk=key).body
    elif kind == "private_statistics":
        given["body"] = PrivateRelease.objects.get(pk=key).body
    return given


def share_of(log: Log, lot: str, account: int) -> dict[str, Any]:
    """A resident's share of a lot, with the receipt of the lot."""
    share = shares_of(lot).proof(account)
    if share is None:
        raise NoShare(account=account, lot=lot)
    return {"format": SHARE, "share": share, "lot": receipt_of(log, "lot", lot)}


def whole_lot(log: Log, lot: str, account: int | None = None) -> dict[str, Any]:
    """One file: a lot (or one's own share of it) and everything that was retired, surrendered and annulled of it."""
    first = receipt_of(log, "lot", lot) if account is None else share_of(log, lot, account)
    moved = Movement.objects.filter(lot_id=lot).order_by("pk").values_list("pk", flat=True)
    keys = [(kind, str(one)) for one in moved for kind in ("retirement", "cancellation")]
    surrendered = Leaf.objects.filter(kind="surrender", opening__record__ranges__contains=[{"lot": lot}])
    keys += [("surrender", key) for key in surrendered.order_by("index").values_list("key", flat=True)]
    keys.append(("annulment", Lot.objects.get(pk=lot).code))
    logged = set(Leaf.objects.filter(key__in=[key for _, key in keys]).values_list("kind", "key"))
    return {"format": BUNDLE, "documents": [first, *(receipt_of(log, *one) for one in keys if one in logged)]}


def receipts_of_certificate(log: Log, certificate: Certificate) -> list[dict[str, Any]]:
    """The receipts of a certificate's retirements, and of its surrender; none before all of them are in the log."""
    return [receipt(log, one) for one in leaves_of_certificate(certificate)]


def leaves_of_certificate(certificate: Certificate) -> list[Leaf]:
    """The leaves of the same; none before a checkpoint covers all of them."""
    keys = _keys_of(certificate)
    found = [Leaf.objects.filter(kind=kind, key=key).first() for kind, key in keys]
    last = latest()
    known = [one for one in found if one is not None and last is not None and one.index < last.size]
    return known if len(known) == len(keys) else []


def _keys_of(certificate: Certificate) -> list[tuple[str, str]]:
    if certificate.reservation_id is not None:
        order, first = (
            f"surrender:{certificate.reservation_id}",
            [("surrender", str(certificate.reservation_id))],
        )
    else:
        assert certificate.retirement is not None, "a certificate is of one of the two"
        order, first = f"offset:voluntary:{certificate.retirement.key}", []
    moved = (
        Movement.objects.filter(key=order, to_state=Block.RETIRED).order_by("pk").values_list("pk", flat=True)
    )
    return [*first, *(("retirement", str(one)) for one in moved)]
