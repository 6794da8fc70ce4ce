"""Seen: what the closes that stand read and left, as far as it says whether they are due; the same few queries for a
day and for years of days.

Manifests name every file by digest and are long. What is asked of them is picked out by the database, and only what a
close did *not* see comes back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection

from tanpuhui.close.evidence_of import DAYS_AFTER, DAYS_BEFORE
from tanpuhui.close.yearly import YearFiles
from tanpuhui.evidence.lake import UNLINKED
from tanpuhui.evidence.models import LakeFile
from tanpuhui.evidence.record import RAW_KINDS


@dataclass(frozen=True)
class Standing:
    """The close that stands for a day.

    ``results`` are its result files by bucket; ``earlier`` those that it read of each day from ``earlier_from`` on
    (and the day it has none of was not closed then). ``waiting`` and ``unpaired`` count entries without their exits;
    ``unknown`` is its file of records that were nobody's. ``year`` is what yearly caps ask of it. ``held`` is the
    digest of the acts that it held, empty where there were none. ``balancing`` are the providers whose stations had to
    balance, ``weighed`` the newest weighing of the day that it saw, ``stretches`` the longer stretches of days that
    were weighed as one (provider, first and last day), ``confirmed`` the digest of what it left out of their sums.
    """

    day: date
    as_of: datetime
    waiting: int
    unpaired: int
    results: Mapping[str, str]
    earlier_from: date
    earlier: Mapping[date, Mapping[str, str]]
    unknown: str | None
    year: YearFiles
    held: str
    balancing: frozenset[str]
    weighed: int
    stretches: tuple[tuple[str, date, date], ...]
    confirmed: str


_STANDING = """
    WITH standing AS MATERIALIZED (
        SELECT DISTINCT ON (day) day, as_of, body FROM close_manifest ORDER BY day, sequence DESC
    ), opened AS MATERIALIZED (
        SELECT day, as_of, body -> 'outcomes' AS outcomes, body -> 'outputs' AS outputs, body -> 'yearly' AS yearly,
            body #> '{inputs,earlier}' AS earlier, body #> '{inputs,methodologies}' AS methodologies,
            body #> '{inputs,resolved}' ->> %(unlinked)s AS unknown,
            coalesce(body #>> '{inputs,held,digest}', '') AS held, body #> '{inputs,weighed}' AS weighed
        FROM standing
    )
    SELECT day, as_of, coalesce((outcomes ->> 'waiting')::bigint, 0), coalesce((outcomes ->> 'unpaired')::bigint, 0),
        (SELECT coalesce(jsonb_object_agg(o ->> 'bucket', o ->> 'results'), '{}')
            FROM jsonb_array_elements(outputs) AS o WHERE (o ->> 'rows')::bigint > 0)::text,
        (earlier ->> 'from')::date,
        (SELECT coalesce(jsonb_object_agg(c ->> 'day', c -> 'results'), '{}')
            FROM jsonb_array_elements(earlier -> 'closes') AS c)::text,
        unknown,
        ARRAY(SELECT DISTINCT m ->> 'code' FROM jsonb_array_elements(methodologies) AS m),
        ARRAY(SELECT jsonb_array_elements_text(yearly -> 'codes')),
        yearly ->> 'credits', yearly ->> 'short_of_room',
        ARRAY(SELECT o ->> 'credits' FROM jsonb_array_elements(outputs) AS o WHERE (o ->> 'credited_mg')::bigint <> 0),
        held, ARRAY(SELECT jsonb_array_elements_text(weighed -> 'providers')),
        coalesce((weighed ->> 'mark')::bigint, 0), coalesce(weighed -> 'windows', '[]')::text,
        coalesce(weighed #>> '{confirmed,digest}', '')
    FROM opened ORDER BY day
"""


def standing_closes() -> dict[date, Standing]:
    """The closes that stand, by day, in order; one query."""
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, {"unlinked": str(UNLINKED)})
        return {row[0]: _standing(row) for row in cursor.fetchall()}


def _standing(row: tuple[Any, ...]) -> Standing:
    (
        day,
        as_of,
        waiting,
        unpaired,
        results,
        earlier_from,
        earlier,
        unknown,
        used,
        codes,
        counting,
        short,
        all_,
        held,
        balancing,
        weighed,
        stretches,
        confirmed,
    ) = row
    return Standing(
        day=day,
        as_of=as_of,
        waiting=waiting,
        unpaired=unpaired,
        results=json.loads(results),
        earlier_from=earlier_from,
        earlier={date.fromisoformat(name): found for name, found in json.loads(earlier).items()},
        unknown=unknown,
        year=YearFiles(frozenset(used), frozenset(codes), counting, short, tuple(all_)),
        held=held,
        balancing=frozenset(balancing),
        weighed=weighed,
        stretches=tuple(
            (one["provider"], date.fromisoformat(one["first_day"]), date.fromisoformat(one["last_day"]))
            for one in json.loads(stretches)
        ),
        confirmed=confirmed,
    )


#: Files that are there for a close to read, less those that its manifest names. A revision counts as the day's own, as
#: do files of other days on which something was sorted that was weighed together with the day's.
#: Equal days are joined, days around one by its offsets, so that nothing is compared with everything.
_UNSEEN = """
    WITH standing AS MATERIALIZED (
        SELECT DISTINCT ON (day) day, body FROM close_manifest
        WHERE day = ANY(coalesce(%(days)s::date[], ARRAY[day])) ORDER BY day, sequence DESC
    ), opened AS MATERIALIZED (
        SELECT day, body #> '{inputs,evidence}' AS evidence, body #> '{inputs,revisions}' AS revisions,
            body #> '{inputs,weighed}' AS weighed FROM standing
    ), named AS MATERIALIZED (
        SELECT day, file ->> 'digest' AS digest FROM opened, jsonb_array_elements(evidence || revisions
            || coalesce(weighed -> 'evidence', '[]') || coalesce(weighed -> 'revisions', '[]')) AS file
    ), weighed_window AS MATERIALIZED (
        SELECT o.day, w.provider, w.first_day, w.last_day FROM opened o CROSS JOIN LATERAL
            jsonb_to_recordset(coalesce(o.weighed -> 'windows', '[]'))
                AS w (provider text, first_day date, last_day date)
    ), raw_batch AS MATERIALIZED (
        SELECT b.id FROM evidence_batch b JOIN evidence_contract c ON c.id = b.contract_id
        WHERE c.kinds && %(raw)s::varchar[]
    ), near AS (
        SELECT day, day + off AS near_day FROM standing, generate_series(-%(before)s::int, %(after)s::int) AS off
    ), there AS (
        SELECT s.day, f.day AS file_day, f.digest FROM standing s
            JOIN evidence_lakefile f ON f.part = %(records)s AND f.day = s.day
        UNION ALL
        SELECT n.day, f.day, f.digest FROM near n
            JOIN evidence_lakefile f ON f.part = %(records)s AND f.day = n.near_day AND f.day <> n.day
            JOIN raw_batch b ON b.id = f.batch_id
        UNION ALL
        SELECT s.day, s.day, f.digest FROM standing s
            JOIN evidence_revisionday d ON d.day = s.day JOIN evidence_lakefile f ON f.id = d.file_id
        UNION ALL
        SELECT n.day, n.day, f.digest FROM near n
            JOIN evidence_revisionday d ON d.day = n.near_day JOIN evidence_lakefile f ON f.id = d.file_id
            JOIN raw_batch b ON b.id = f.batch_id
        UNION ALL
        SELECT w.day, w.day, f.digest FROM weighed_window w
            JOIN evidence_lakefile f ON f.part = %(records)s AND f.day BETWEEN w.first_day AND w.last_day
                AND f.day <> w.day
            JOIN evidence_batch b ON b.id = f.batch_id AND b.provider = w.provider
        UNION ALL
        SELECT w.day, w.day, f.digest FROM weighed_window w
            JOIN evidence_revisionday d ON d.day BETWEEN w.first_day AND w.last_day
            JOIN evidence_lakefile f ON f.id = d.file_id
            JOIN evidence_batch b ON b.id = f.batch_id AND b.provider = w.provider
    )
    SELECT t.day, min(t.file_day) FROM there t LEFT JOIN named n ON n.day = t.day AND n.digest = t.digest
    WHERE n.digest IS NULL GROUP BY t.day
"""


def unseen_evidence(days: list[date] | None = None) -> dict[date, date]:
    """Closed days (all, or some) for which there is evidence that their close did not read; one query.

    Each with the earliest day of such a file: the next day's taps are seen only by who waits for an exit.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _UNSEEN,
            {
                "days": days,
                "raw": sorted(RAW_KINDS),
                "before": DAYS_BEFORE.days,
                "after": DAYS_AFTER.days,
                "records": LakeFile.RECORDS,
            },
        )
        return dict(cursor.fetchall())
