"""Reconcile: the ledger has issued what standing closes credited and what lots certified, to the milligram."""

from __future__ import annotations

from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import FIRST_ORGANISATION
from tanpuhui.ledger.connection import Connection
from tanpuhui.ledger.invariants import Finding, Invariant, exceptions
from tanpuhui.registry.replayed import misplaced

#: What was given out: the other side of what residents hold, but for what was clawed back.
_ISSUED = """
    SELECT a.code, -sum(p.amount) AS issued_mg FROM ledger_posting p JOIN ledger_asset a ON a.id = p.asset_id
    JOIN ledger_account_kind k ON k.code = (p.account_id & 15) AND NOT k.floored AND k.name <> 'clawback'
    GROUP BY a.code
"""
#: What a close before had credited to somebody who was erased since stays issued; the close that stands leaves it out.
_STANDING = """
    SELECT s.day, s.credited_mg + coalesce((SELECT sum(e.credited_mg) FROM close_erased_credit e
        WHERE e.day = s.day AND e.sequence < s.sequence), 0) AS credited_mg
    FROM (SELECT DISTINCT ON (day) day, sequence, credited_mg FROM close_manifest ORDER BY day, sequence DESC) s
    UNION ALL SELECT day, credited_mg FROM (SELECT DISTINCT ON (district, day, subject) day, credited_mg
        FROM registry_reported ORDER BY district, day, subject, id DESC) reported
"""

INVARIANTS = (
    Invariant(
        "closes_are_what_is_pending",
        "What was issued as pending in a vintage is what closes of its days credited, here or as reported.",
        f"""
        SELECT 'close_manifest' AS tablename, format('vintage=%s', vintage) AS key,
            format('closes credited %s mg, the ledger issued %s mg', coalesce(c.credited_mg, 0),
                coalesce(l.issued_mg, 0)) AS found
        FROM (SELECT extract(year FROM day)::text AS vintage, sum(credited_mg) AS credited_mg
              FROM ({_STANDING}) s GROUP BY 1) c
        FULL JOIN (SELECT substring(code FROM '[^:]*$') AS vintage, sum(issued_mg) AS issued_mg
                   FROM ({_ISSUED}) i WHERE code LIKE 'pending:%' GROUP BY 1) l USING (vintage)
        WHERE coalesce(c.credited_mg, 0) <> coalesce(l.issued_mg, 0) ORDER BY vintage
        """,
    ),
    Invariant(
        "lots_are_what_is_certified",
        "Of each lot its tonnes were issued, and of nothing that is not a lot.",
        f"""
        SELECT 'registry_lot' AS tablename, format('code=%s', coalesce(t.code, substring(l.code FROM 5))) AS key,
            format('%s tonnes, the ledger issued %s mg', coalesce(t.tonnes, 0), coalesce(l.issued_mg, 0)) AS found
        FROM registry_lot t
        FULL JOIN (SELECT * FROM ({_ISSUED}) i WHERE code LIKE 'lot:%') l ON l.code = 'lot:' || t.code
        WHERE coalesce(t.tonnes, 0)::numeric * {TONNE_MG} <> coalesce(l.issued_mg, 0) ORDER BY key
        """,
    ),
    Invariant(
        "lots_are_what_left_pending",
        "What crossed from pending is what the lots of that methodology and vintage certified.",
        f"""
        SELECT 'registry_lot' AS tablename, coalesce(t.asset, l.asset) AS key,
            format('lots have %s mg, %s mg crossed', coalesce(t.amount_mg, 0), coalesce(l.amount_mg, 0)) AS found
        FROM (SELECT format('pending:%s:%s', methodology, vintage) AS asset,
                  sum(tonnes)::numeric * {TONNE_MG} AS amount_mg FROM registry_lot GROUP BY 1) t
        FULL JOIN (SELECT a.code AS asset, sum(p.amount) AS amount_mg FROM ledger_posting p
                   JOIN ledger_asset a ON a.id = p.asset_id JOIN ledger_account_kind k
                       ON k.code = (p.account_id & 15) AND k.name = 'certifying' GROUP BY a.code) l USING (asset)
        WHERE coalesce(t.amount_mg, 0) <> coalesce(l.amount_mg, 0) ORDER BY key
        """,
    ),
    Invariant(
        "lot_states_sum_to_what_was_issued",
        "The milligrams of a lot in all states are its tonnes.",
        f"""
        SELECT 'registry_lot' AS tablename, format('code=%s', t.code) AS key,
            format('%s tonnes, %s mg in all states', t.tonnes, coalesce(s.amount_mg, 0)) AS found
        FROM registry_lot t
        LEFT JOIN (SELECT a.code, sum(b.available::numeric + b.held) AS amount_mg FROM ledger_balance b
                   JOIN ledger_asset a ON a.id = b.asset_id GROUP BY a.code) s ON s.code = 'lot:' || t.code
        WHERE t.tonnes::numeric * {TONNE_MG} <> coalesce(s.amount_mg, 0) ORDER BY t.code
        """,
    ),
    Invariant(
        "blocks_tile_their_lot",
        "Serial numbers that are in some hand or state are those of the lot, each once.",
        """
        SELECT 'registry_block' AS tablename, format('lot=%s', t.code) AS key,
            format('numbers %s to %s, blocks have %s from %s to %s', t.serial_first, t.serial_last,
                coalesce(b.tonnes, 0), b.first, b.last) AS found
        FROM registry_lot t
        LEFT JOIN (SELECT lot_id, sum(last - first + 1) AS tonnes, min(first) AS first, max(last) AS last
                   FROM registry_block WHERE closed_at IS NULL GROUP BY lot_id) b ON b.lot_id = t.code
        WHERE (t.tonnes, t.serial_first, t.serial_last) IS DISTINCT FROM (b.tonnes, b.first, b.last)
        ORDER BY t.code
        """,
    ),
    Invariant(
        "blocks_are_what_the_ledger_has",
        "Whole tonnes of an organisation, by state, are its milligrams; open and annulled ones are everybody else's.",
        f"""
        SELECT 'registry_block' AS tablename, format('lot=%s %s of %s', lot, state, owner) AS key,
            format('blocks have %s t, the ledger has %s mg', coalesce(b.tonnes, 0), coalesce(l.amount_mg, 0)) AS found
        FROM (SELECT lot_id AS lot, owner,
                  CASE WHEN owner = 0 THEN 'open' WHEN state = 'locked' THEN 'locked' ELSE state END AS state,
                  sum(last - first + 1) AS tonnes
              FROM registry_block WHERE closed_at IS NULL GROUP BY 1, 2, 3) b
        FULL JOIN (
            SELECT substring(a.code FROM 5) AS lot, m.owner, m.state, sum(m.amount_mg) AS amount_mg
            FROM ledger_balance s JOIN ledger_asset a ON a.id = s.asset_id AND a.code LIKE 'lot:%'
            JOIN ledger_account_kind k ON k.code = (s.account_id & 15)
            CROSS JOIN LATERAL (
                SELECT CASE WHEN k.name IN ('company', 'retired', 'cancelled')
                            AND s.account_id >> 4 >= {FIRST_ORGANISATION} THEN s.account_id >> 4 ELSE 0 END) o (owner)
            CROSS JOIN LATERAL (VALUES
                (o.owner, CASE WHEN o.owner = 0 THEN 'open' WHEN k.name = 'company' THEN 'held' ELSE k.name END,
                 s.available::numeric),
                (o.owner, CASE WHEN o.owner = 0 THEN 'open' WHEN k.name = 'company' THEN 'locked' ELSE k.name END,
                 s.held::numeric)) m (owner, state, amount_mg)
            GROUP BY 1, 2, 3 HAVING sum(m.amount_mg) > 0) l USING (lot, owner, state)
        WHERE coalesce(b.tonnes, 0)::numeric * {TONNE_MG} <> coalesce(l.amount_mg, 0) ORDER BY 2
        """,
    ),
    Invariant(
        "residents_keep_what_is_certified_to_them",
        "No transaction takes certified reductions from one resident and gives them to another.",
        """
        SELECT 'ledger_transaction' AS tablename, format('id=%s', t.id) AS key,
            format('for the reason %s', t.reason) AS found
        FROM ledger_transaction t JOIN (
            SELECT p.tx_id FROM ledger_posting p JOIN ledger_account_kind k
                ON k.code = (p.account_id & 15) AND k.name = 'resident_certified'
            GROUP BY p.tx_id, p.asset_id HAVING min(p.amount) < 0 AND max(p.amount) > 0) m ON m.tx_id = t.id
        WHERE t.batch_id IS NULL ORDER BY t.id
        """,
    ),
    Invariant(
        "used_numbers_are_where_they_were_moved",
        "Serial numbers that are retired or cancelled were moved there, and those that were are there.",
        """
        SELECT 'registry_movement' AS tablename, format('lot=%s %s of %s', lot, state, owner) AS key,
            format('blocks have %s t, %s t were moved', coalesce(b.tonnes, 0), coalesce(m.tonnes, 0)) AS found
        FROM (SELECT lot_id AS lot, state, owner, sum(last - first + 1) AS tonnes FROM registry_block
              WHERE closed_at IS NULL AND state IN ('retired', 'cancelled') GROUP BY 1, 2, 3) b
        FULL JOIN (SELECT lot_id AS lot, to_state AS state, to_owner AS owner, sum(last - first + 1) AS tonnes
                   FROM registry_movement WHERE to_state IN ('retired', 'cancelled') GROUP BY 1, 2, 3) m
            USING (lot, state, owner)
        WHERE coalesce(b.tonnes, 0) <> coalesce(m.tonnes, 0) ORDER BY 2
        """,
    ),
    Invariant(
        "owed_is_what_was_clawed_back",
        "What residents owe of a methodology and vintage is what the claw-back account stands for.",
        """
        SELECT 'ledger_posting' AS tablename, asset AS key,
            format('residents owe %s mg, %s mg were clawed back', coalesce(o.owed_mg, 0), coalesce(c.clawed_mg, 0))
                AS found
        FROM (SELECT substring(a.code FROM 6) AS asset, sum(p.amount) AS owed_mg FROM ledger_posting p
              JOIN ledger_asset a ON a.id = p.asset_id JOIN ledger_account_kind k
                  ON k.code = (p.account_id & 15) AND k.name = 'resident_owed' GROUP BY a.code) o
        FULL JOIN (SELECT substring(a.code FROM 9) AS asset, -sum(p.amount) AS clawed_mg FROM ledger_posting p
                   JOIN ledger_asset a ON a.id = p.asset_id JOIN ledger_account_kind k
                       ON k.code = (p.account_id & 15) AND k.name = 'clawback' GROUP BY a.code) c USING (asset)
        WHERE coalesce(o.owed_mg, 0) <> coalesce(c.clawed_mg, 0) ORDER BY asset
        """,
    ),
)


def reconcile(connection: Connection) -> list[Finding]:
    """Vintages, lots and assets in which closes or lots and the ledger differ, and blocks that nothing moved to where
    they are; names up to 20 of each.
    """
    return [
        *(finding for invariant in INVARIANTS for finding in exceptions(connection, invariant)),
        *misplaced(),
    ]
