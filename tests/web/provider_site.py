"""A provider's contract and files, as the tests of its pages share them."""

from __future__ import annotations

from datetime import UTC, date, datetime

from tanpuhui.evidence import contract

HOME = "/provider/own-provider"
COLUMNS = ("source_id", "person", "kind", "started_at", "ended_at", "distance_m")


def contract_of(code: str) -> None:
    """A contract in our own format, for metro trips."""
    contract.add(
        code,
        format="generic",
        kinds=["metro_trip", "top_up"],
        pia_reference="PIA-1",
        valid_from=date(2020, 1, 1),
        made_at=AT,
    )


AT = datetime(2026, 3, 1, tzinfo=UTC)


def row(source_id: str, *, distance_m: str = "10000", hour: int = 8) -> dict[str, str]:
    """A metro trip of half an hour."""
    return {
        "source_id": source_id,
        "person": "a",
        "kind": "metro_trip",
        "started_at": f"2026-03-02T{hour:02d}:00:00+08:00",
        "ended_at": f"2026-03-02T{hour:02d}:30:00+08:00",
        "distance_m": distance_m,
    }


def csv_of(*rows: dict[str, str]) -> bytes:
    """Rows as a CSV file."""
    lines = [",".join(COLUMNS), *(",".join(one[name] for name in COLUMNS) for one in rows)]
    return ("\n".join(lines) + "\n").encode()
