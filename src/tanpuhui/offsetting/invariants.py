"""Invariants of offsetting: caps and pools hold, and what was surrendered is retired, to the tonne."""

from __future__ import annotations

from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.connection import Connection
from tanpuhui.ledger.invariants import Finding, Invariant, exceptions

_LIVING = """
    SELECT r.* FROM offsetting_reservation r LEFT JOIN offsetting_ending e ON e.reservation_id = r.id
    WHERE e.outcome IS DISTINCT FROM 'released'
"""

INVARIANTS = (
    Invariant(
        "companies_stay_under_their_caps",
        "What a company has reserved and surrendered for a year is at most its cap as it was reckoned last.",
        f"""
        SELECT 'offsetting_reservation' AS tablename, format('%s %s of %s', jurisdiction, year, company) AS key,
            format('%s mg of a cap of %s mg', sum(amount_mg), (array_agg(cap_mg ORDER BY id DESC))[1]) AS found
        FROM ({_LIVING}) l GROUP BY jurisdiction, year, company
        HAVING sum(amount_mg) > (array_agg(cap_mg ORDER BY id DESC))[1] ORDER BY 2
        """,
    ),
    Invariant(
        "what_is_declared_covers_what_is_used",
        "What a company has reserved and surrendered is at most the share of what it declared last.",
        f"""
        SELECT 'offsetting_obligation' AS tablename, format('%s %s of %s', u.jurisdiction, u.year, u.company) AS key,
            format('%s mg of a cap of %s mg', u.amount_mg, c.cap_mg) AS found
        FROM (SELECT jurisdiction, year, company, sum(amount_mg) AS amount_mg FROM ({_LIVING}) l GROUP BY 1, 2, 3) u
        LEFT JOIN LATERAL (
            SELECT div((y.cap ->> 'share_percent')::numeric * CASE WHEN y.cap ->> 'denominator' = 'allowances'
                THEN o.allowances_mg ELSE o.verified_emissions_mg END, 100) AS cap_mg
            FROM offsetting_obligation o JOIN offsetting_year_rules y USING (jurisdiction, year)
            WHERE o.company = u.company AND o.jurisdiction = u.jurisdiction AND o.year = u.year
            ORDER BY o.sequence DESC LIMIT 1) c ON true
        WHERE u.amount_mg > coalesce(c.cap_mg, 0) ORDER BY 2
        """,
    ),
    Invariant(
        "pools_of_years_hold",
        "What all companies of a place have reserved and surrendered for a year is at most its pool.",
        f"""
        SELECT 'offsetting_reservation' AS tablename, format('%s %s', jurisdiction, year) AS key,
            format('%s mg of a pool of %s mg', sum(amount_mg), min(pool_mg)) AS found
        FROM ({_LIVING}) l GROUP BY jurisdiction, year HAVING sum(amount_mg) > min(pool_mg) ORDER BY 2
        """,
    ),
    Invariant(
        "surrendered_is_retired",
        "The tonnes of a surrendered reservation were retired for it, and of no other.",
        f"""
        SELECT 'offsetting_reservation' AS tablename, format('id=%s', coalesce(r.id::text, m.id)) AS key,
            format('%s mg surrendered, %s t retired', coalesce(r.amount_mg, 0), coalesce(m.tonnes, 0)) AS found
        FROM (SELECT r.* FROM offsetting_reservation r JOIN offsetting_ending e ON e.reservation_id = r.id
              WHERE e.outcome = 'surrendered') r
        FULL JOIN (SELECT substring(key FROM 11) AS id, sum(last - first + 1) AS tonnes FROM registry_movement
                   WHERE verb = 'retire_locked' AND key LIKE 'surrender:%' GROUP BY 1) m ON m.id = r.id::text
        WHERE coalesce(r.amount_mg, 0) <> coalesce(m.tonnes, 0)::numeric * {TONNE_MG} ORDER BY 2
        """,
    ),
    Invariant(
        "replacements_are_what_was_due",
        "What stands in for tonnes of an annulled lot is as many as were surrendered of it, and was retired for it.",
        f"""
        SELECT 'offsetting_replacement' AS tablename, format('id=%s', p.id) AS key,
            format('%s mg of lot %s, %s mg were due, %s t retired', p.amount_mg, p.lot,
                offsetting_used_of_lot(p.reservation_id, p.lot), coalesce(m.tonnes, 0)) AS found
        FROM offsetting_replacement p
        LEFT JOIN (SELECT key, sum(last - first + 1) AS tonnes FROM registry_movement
                   WHERE verb = 'retire' AND key LIKE 'offset:replace:%' GROUP BY 1) m
            ON m.key = 'offset:replace:' || p.key
        WHERE p.amount_mg <> offsetting_used_of_lot(p.reservation_id, p.lot)
            OR p.amount_mg <> coalesce(m.tonnes, 0)::numeric * {TONNE_MG} ORDER BY p.id
        """,
    ),
    Invariant(
        "voluntary_retirements_are_retired",
        "The tonnes of a voluntary retirement were retired for it, and of no other.",
        f"""
        SELECT 'offsetting_voluntary_retirement' AS tablename, format('key=%s', coalesce(v.key, m.key)) AS key,
            format('%s mg said, %s t retired', coalesce(v.amount_mg, 0), coalesce(m.tonnes, 0)) AS found
        FROM offsetting_voluntary_retirement v
        FULL JOIN (SELECT substring(key FROM 18) AS key, sum(last - first + 1) AS tonnes FROM registry_movement
                   WHERE verb = 'retire' AND key LIKE 'offset:voluntary:%' GROUP BY 1) m ON m.key = v.key
        WHERE coalesce(v.amount_mg, 0) <> coalesce(m.tonnes, 0)::numeric * {TONNE_MG} ORDER BY 2
        """,
    ),
    Invariant(
        "certificates_follow_each_other",
        "Certificates are numbered from 1 on without a gap, and each says the amount that was used.",
        """
        SELECT 'offsetting_certificate' AS tablename, number AS key,
            format('number %s of %s, %s mg', sequence, place, content->>'amount_mg') AS found
        FROM (SELECT c.*, row_number() OVER (ORDER BY sequence) AS place,
                  coalesce(r.amount_mg, v.amount_mg) AS used_mg
              FROM offsetting_certificate c LEFT JOIN offsetting_reservation r ON r.id = c.reservation_id
              LEFT JOIN offsetting_voluntary_retirement v ON v.id = c.retirement_id) c
        WHERE sequence <> place OR (content->>'amount_mg')::bigint <> used_mg OR content->>'number' <> number
        ORDER BY 2
        """,
    ),
)


def check(connection: Connection) -> list[Finding]:
    """Rows that break an invariant of offsetting; names up to 20 of each."""
    return [finding for invariant in INVARIANTS for finding in exceptions(connection, invariant)]
