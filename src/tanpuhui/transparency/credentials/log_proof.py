"""Log proof: receipts that come along with a certificate are of exactly its serial numbers, each used once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from tanpuhui.transparency.credentials.kinds import SURRENDER
from tanpuhui.transparency.credentials.refusals import LogProofMissing, LogProofOther

Ranges = dict[str, list[tuple[int, int]]]


class Logged(Protocol):
    """What a receipt proves."""

    @property
    def kind(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def record(self) -> Mapping[str, Any]: ...


def refuse_other(claims: Mapping[str, Any], logged: list[Any], *, needs_log: bool) -> bool:
    """Whether the log proves the serial numbers that are shown; refused when it proves others.

    Without serial numbers nothing can be proved, and nothing is, unless ``needs_log``.
    """
    if "ranges" not in claims and not logged and not needs_log:
        return False
    if not logged or "ranges" not in claims:
        raise LogProofMissing()
    wanted = _merged(claims["ranges"], "the certificate")
    if "tonnes" in claims and claims["tonnes"] != sum(
        last - first + 1 for ranges in wanted.values() for first, last in ranges
    ):
        raise LogProofOther(what="the tonnes are not as many as the serial numbers")
    retired = _merged((one.record for one in logged if one.kind == "retirement"), "the log")
    surrendered = [one for one in logged if one.kind == "surrender"]
    if any(one.kind not in ("retirement", "surrender") for one in logged):
        raise LogProofOther(what="it is neither of a retirement nor of a surrender")
    if retired != wanted:
        raise LogProofOther(what="other serial numbers were retired")
    if claims["vct"] == SURRENDER:
        _refuse_other_surrender(claims, surrendered, wanted)
    elif surrendered:
        raise LogProofOther(what="it is of a surrender")
    _refuse_other_order(logged, surrendered)
    return True


def _refuse_other_surrender(claims: Mapping[str, Any], surrendered: list[Any], wanted: Ranges) -> None:
    if len(surrendered) != 1 or _merged(surrendered[0].record.get("ranges"), "the log") != wanted:
        raise LogProofOther(what="another surrender is in it")
    if "year" in claims and claims["year"] != surrendered[0].record.get("year"):
        raise LogProofOther(what="the surrender was for another year")


def _refuse_other_order(logged: list[Any], surrendered: list[Any]) -> None:
    """What a surrender used was retired by that surrender; what was retired voluntarily, by none."""
    for one in logged:
        order = str(one.record.get("order")) if one.kind == "retirement" else ""
        if surrendered and one.kind == "retirement" and order != f"surrender:{surrendered[0].key}":
            raise LogProofOther(what="its serial numbers were retired by something else")
        if not surrendered and order.startswith("surrender:"):
            raise LogProofOther(what="its serial numbers were retired by a surrender")


def _merged(said: Any, whose: str) -> Ranges:
    """Serial numbers of each lot as ranges that neither touch nor overlap."""
    found: Ranges = {}
    for one in said if isinstance(said, Iterable) else [None]:
        lot, first, last = (
            one.get(name) if isinstance(one, Mapping) else None
            for name in ("lot", "serial_first", "serial_last")
        )
        if not isinstance(lot, str) or type(first) is not int or type(last) is not int or first > last:
            raise LogProofOther(what=f"a range of {whose} is not shown with its lot and serial numbers")
        found.setdefault(lot, []).append((first, last))
    return {lot: _joined(ranges, whose) for lot, ranges in found.items()}


def _joined(ranges: list[tuple[int, int]], whose: str) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1]:
            raise LogProofOther(what=f"a serial number is twice in {whose}")
        if joined and first == joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined
