"""Steps: the columnar definition of a day, as SQL in the small subset that DuckDB and Spark both run.

Each step is a relation made from those before it. Everything is an integer or a short text; the only divisions
are those that methodologies compile to. Whoever reads this file from top to bottom has read the rules of
counting once: correction, person, grant, one of each act, methodology, clause, amount, cap.

Relations that must be there: ``record`` (accepted records of the day and, of raw kinds, of the days around it),
``revision`` (all known corrections and retractions), ``standing`` (the ends at the close that stands),
``earlier_record`` and ``earlier_end`` (the records of the days before, and how they ended), ``held`` (acts that a
rule against fraud found and nobody has released, with the rule), ``station_balance`` (where stations must balance with
what hauliers weighed: what counts of each), ``grant_row``,
``act_kind``, ``provider``, ``scene``, ``cap`` and ``prior``.
"""

from __future__ import annotations

import sqlglot.expressions as exp

from tanpuhui.evidence.record import MOST_ACT_G
from tanpuhui.kit.step import Step
from tanpuhui.methodology.columns import compile_columns
from tanpuhui.quantify.outcome import PASSED, STOOD, Outcome
from tanpuhui.quantify.rules import Applied, Rules

DIALECT = "duckdb"
SECOND_US = 1_000_000
#: Added to a provider's precedence where a report says nothing that can be reckoned with: it ranks after all others.
SAYS_NOTHING = 1 << 32
#: The measure that hauliers weigh.
BALANCED = "mass_g"
#: How often losers are taken out so that those whom they alone would have beaten can win.
ROUNDS = 4


def unrevised_steps() -> list[Step]:
    """Where no correction or retraction is known at all, every record is current; nothing is compared."""
    return [
        Step("current_record", "SELECT * FROM record", kept=False),
        Step("revision_end", f"SELECT record_id, {Outcome.retraction} AS outcome FROM record WHERE FALSE"),
    ]


def current_steps(first_us: int, next_us: int) -> list[Step]:
    """Corrections first: of each reported record the highest revision counts, whenever it arrived."""
    of_day = f"ended_us >= {first_us} AND ended_us < {next_us}"
    return [
        Step(
            "latest",
            """
            SELECT provider, source_id, revision, action FROM (
                SELECT provider, source_id, revision, action,
                    ROW_NUMBER() OVER (PARTITION BY provider, source_id ORDER BY revision DESC) AS place
                FROM revision
            ) AS ranked WHERE place = 1
            """,
        ),
        Step(
            "current_record",
            """
            SELECT r.* FROM record AS r LEFT JOIN latest AS l
                ON l.provider = r.provider AND l.source_id = r.source_id AND l.revision > r.revision
            WHERE r.action = 'report' AND l.revision IS NULL
            """,
            kept=False,
        ),
        Step(
            "revision_end",
            f"""
            SELECT record_id, {Outcome.retraction} AS outcome FROM record WHERE {of_day} AND action = 'retract'
            UNION ALL
            SELECT r.record_id, CASE WHEN l.action = 'retract' THEN {Outcome.retracted}
                ELSE {Outcome.superseded} END
            FROM record AS r JOIN latest AS l
                ON l.provider = r.provider AND l.source_id = r.source_id AND l.revision > r.revision
            WHERE {of_day} AND r.action = 'report'
            """,
        ),
    ]


def amount_steps(rules: Rules) -> list[Step]:
    """Clauses and amounts: each methodology's compiled expressions, chosen by its number.

    They depend on the act alone, so they come first and its measures need not be carried any further.
    """
    compiled = [
        (applied, compile_columns(applied.methodology, applied.factors_of)) for applied in rules.applied
    ]
    invalid = _choose([(applied, columns.invalid) for applied, columns in compiled], "FALSE")
    avoided = _choose([(applied, columns.of_valid()[0]) for applied, columns in compiled], "NULL")
    clause = _choose([(applied, columns.of_valid()[1]) for applied, columns in compiled], "NULL")
    rank = f"precedence + CASE WHEN is_invalid OR methodology_no IS NULL THEN {SAYS_NOTHING} ELSE 0 END AS rank_no"
    head = "record_id, account_id, started_us, ended_us, provider_no, kind_bit, group_no, methodology_no"
    names = measures_of(rules)
    measures = "".join(f", {name}" for name in names)
    at_station, balance_no, unfit = "", "", "is_invalid"
    if rules.any_balances:
        at_station, balance_no = ", must_balance, provider, station", ", balance_no"
        unfit = "is_invalid OR balance_no <> 0"
    return [
        Step(
            "placed",
            f"""
            SELECT a.record_id, a.account_id, a.started_us, a.ended_us, s.provider_no, s.kind_bit, s.group_no,
                s.precedence, s.methodology_no{measures.replace(", ", ", a.")}
                {", s.must_balance, a.provider, a.station" if at_station else ""}
            FROM act AS a JOIN scene AS s ON s.provider = a.provider AND s.kind = a.kind
            """,
            kept=False,
        ),
        Step(
            "checked",
            f"SELECT {head}, precedence, {invalid} AS is_invalid{measures}{at_station} FROM placed",
            kept=False,
        ),
        *(_balance_steps(head, names, invalid) if at_station else ()),
        Step(
            "claused",
            f"SELECT {head}, {rank}, is_invalid{balance_no}, CASE WHEN {unfit} THEN NULL ELSE {clause} END AS clause"
            f"{measures} FROM {'balanced' if at_station else 'checked'}",
            kept=False,
        ),
        Step(
            "amount",
            f"SELECT {head}, rank_no, is_invalid{balance_no}, clause, "
            f"CAST(CASE WHEN {unfit} OR clause IS NOT NULL THEN NULL ELSE {avoided} END AS BIGINT) AS avoided_mg "
            "FROM claused",
        ),
    ]


def _balance_steps(head: str, measures: list[str], invalid: str) -> list[Step]:
    """Mass balance: where a station must balance, its part of what counts there takes the place of an act's grams.

    Each part is rounded down, so that the acts of a station never count more than the station. Where there is no
    weighing, or nothing is left, ``balance_no`` is how the act ends; 0 where it goes on. What was reported is checked
    before, and what counts is checked again. The product stays far below 38 digits: what is no bag ends invalid.
    """
    own = f"{head}, precedence, is_invalid"
    others = [name for name in measures if name != BALANCED]
    listed = "".join(f", {name}" for name in others)
    mine = ", ".join(f"c.{name}" for name in [*own.split(", "), *measures])
    return [
        Step(
            "shared",
            f"""
            SELECT {mine}, c.must_balance, COALESCE(w.is_weighed, 0) AS is_weighed,
                CASE WHEN c.must_balance = 0 THEN c.{BALANCED} WHEN COALESCE(w.counted_g, 0) = 0 THEN 0
                    ELSE CAST(CAST(LEAST(c.{BALANCED}, {MOST_ACT_G}) AS HUGEINT) * CAST(w.counted_g AS HUGEINT)
                        // GREATEST(w.sorted_g, 1) AS BIGINT)
                    END AS counted_g
            FROM checked AS c LEFT JOIN station_balance AS w
                ON c.must_balance = 1 AND w.provider = c.provider AND w.station = c.station
            """,
            kept=False,
        ),
        Step(
            "weighed",
            f"""
            SELECT {own.removesuffix("is_invalid")}
                is_invalid OR (must_balance = 1 AND {BALANCED} > {MOST_ACT_G}) AS is_invalid,
                CASE WHEN must_balance = 0 THEN 0 WHEN is_weighed = 0 THEN {Outcome.not_weighed}
                    WHEN {BALANCED} > 0 AND counted_g = 0 THEN {Outcome.not_fetched} ELSE 0 END AS balance_no,
                counted_g AS {BALANCED}{listed}
            FROM shared
            """,
            kept=False,
        ),
        Step(
            "balanced",
            f"SELECT {head}, precedence, is_invalid OR (balance_no = 0 AND {invalid}) AS is_invalid, balance_no, "
            f"{', '.join(measures)} FROM weighed",
            kept=False,
        ),
    ]


def measures_of(rules: Rules) -> list[str]:
    """The measures that any methodology in use reads, and that stations are balanced by."""
    balanced = {BALANCED} if rules.any_balances else set()
    return sorted({name for applied in rules.applied for name in applied.methodology.fields} | balanced)


def _choose(expressions: list[tuple[Applied, exp.Expression]], otherwise: str) -> str:
    if not expressions:
        return f"CAST({otherwise} AS BIGINT)" if otherwise == "NULL" else otherwise
    branches = " ".join(
        f"WHEN {applied.number} THEN {expression.sql(dialect=DIALECT)}" for applied, expression in expressions
    )
    return f"CASE methodology_no {branches} ELSE {otherwise} END"


def gate_steps(*, closed_before: bool) -> list[Step]:
    """Whose act it is, and whether a grant covers the whole of it and is active now.

    A record that passed the gate at the close that stands passes again while a grant holds it, active or not: what
    was lawfully processed stays so after a withdrawal (PIPL article 15). What arrives later is new processing.
    """
    named = "g.account_id = a.account_id AND g.provider_no = a.provider_no AND (g.kinds & a.kind_bit) <> 0"
    covers = f"{named} AND g.from_us <= a.started_us AND a.ended_us < g.to_us"
    return [
        Step("usable_grant", "SELECT * FROM grant_row WHERE usable", kept=False),
        *(_covered_again(covers) if closed_before else _covered_now(covers, "covered")),
        Step(
            "uncovered",
            "SELECT a.record_id, a.account_id, a.provider_no, a.kind_bit, a.started_us, a.ended_us "
            "FROM amount AS a ANTI JOIN covered AS c ON c.record_id = a.record_id",
        ),
        Step(
            "uncovered_named", f"SELECT a.record_id FROM uncovered AS a SEMI JOIN grant_row AS g ON {named}"
        ),
        Step(
            "uncovered_held", f"SELECT a.record_id FROM uncovered AS a SEMI JOIN grant_row AS g ON {covers}"
        ),
        Step(
            "gate_end",
            f"""
            SELECT a.record_id,
                CASE WHEN a.account_id = 0 THEN {Outcome.unknown_person}
                     WHEN n.record_id IS NULL THEN {Outcome.no_grant}
                     WHEN h.record_id IS NOT NULL THEN {Outcome.withdrawn}
                     ELSE {Outcome.outside_range} END AS outcome
            FROM uncovered AS a LEFT JOIN uncovered_named AS n ON n.record_id = a.record_id
                LEFT JOIN uncovered_held AS h ON h.record_id = a.record_id
            """,
        ),
    ]


def _covered_now(covers: str, name: str) -> list[Step]:
    return [Step(name, f"SELECT a.* FROM amount AS a SEMI JOIN usable_grant AS g ON {covers}")]


def _covered_again(covers: str) -> list[Step]:
    passed = ", ".join(str(int(outcome)) for outcome in PASSED)
    return [
        *_covered_now(covers, "covered_now"),
        Step(
            "stood",
            "SELECT a.* FROM amount AS a ANTI JOIN covered_now AS c ON c.record_id = a.record_id "
            f"SEMI JOIN (SELECT record_id FROM standing WHERE outcome IN ({passed})) AS s ON s.record_id = a.record_id",
        ),
        Step(
            "covered",
            "SELECT * FROM covered_now UNION ALL "
            f"SELECT a.* FROM stood AS a SEMI JOIN grant_row AS g ON {covers}",
        ),
    ]


def earlier_steps(first_us: int) -> list[Step]:
    """An act that began before the day loses to one that ended on an earlier day, overlaps it and stands there.

    That one was counted when its day was closed, and is not looked at again: whatever the two rank, it stays.
    """
    stood = ", ".join(str(int(outcome)) for outcome in STOOD)
    return [
        Step("early", f"SELECT * FROM covered WHERE started_us < {first_us + SECOND_US}"),
        Step(
            "earlier_stood",
            f"SELECT e.record_id, e.account_id FROM earlier_end AS e "
            "SEMI JOIN early AS a ON a.account_id = e.account_id "
            f"WHERE e.outcome IN ({stood})",
        ),
        Step(
            "earlier_act",
            """
            SELECT s.record_id, s.account_id, r.provider, k.kind_bit, k.group_no, r.ended_us,
                CASE WHEN r.ended_us > r.started_us OR k.is_assembled = 1 THEN 1 ELSE 0 END AS lasted
            FROM earlier_record AS r JOIN earlier_stood AS s ON s.record_id = r.record_id
                JOIN act_kind AS k ON k.kind = r.kind
            """,
        ),
        Step(
            "earlier_loss",
            f"""
            SELECT record_id, rival_id, outcome FROM (
                SELECT a.record_id, e.record_id AS rival_id,
                    CASE WHEN a.kind_bit = e.kind_bit AND p.provider <> e.provider THEN {Outcome.duplicate_of}
                        ELSE {Outcome.overlapping} END AS outcome,
                    ROW_NUMBER() OVER (PARTITION BY a.record_id ORDER BY e.ended_us DESC, e.record_id) AS place
                FROM early AS a JOIN earlier_act AS e ON e.account_id = a.account_id AND e.group_no = a.group_no
                    JOIN provider AS p ON p.provider_no = a.provider_no
                WHERE a.started_us < e.ended_us + CASE WHEN e.lasted = 1 THEN 0 ELSE {SECOND_US} END
                    AND (p.provider <> e.provider OR (e.lasted = 1 AND a.ended_us > a.started_us))
            ) AS placed_earlier WHERE place = 1
            """,
        ),
        Step(
            "rivalling",
            "SELECT c.* FROM covered AS c ANTI JOIN earlier_loss AS l ON l.record_id = c.record_id",
            kept=False,
        ),
    ]


def first_day_steps() -> list[Step]:
    """Where no earlier day was closed, nothing that ended earlier stands."""
    return [
        Step(
            "earlier_loss",
            f"SELECT record_id, record_id AS rival_id, {Outcome.overlapping} AS outcome FROM covered WHERE FALSE",
        ),
        Step("rivalling", "SELECT * FROM covered", kept=False),
    ]


def once_steps() -> list[Step]:
    """One of each act: of acts that exclude each other in time the best ranked counts, in any order of arrival.

    Rank: a report that can be reckoned with before one that cannot (no methodology, a measure missing or out of
    range), the provider's precedence in its contract, then the earlier start, the later end, the provider, the kind and
    the smaller amount. Acts that are alike in all of it are ordered by their numbers: either way the same is credited.
    An act of no duration is a rival only of another provider's report of it within the same second.

    Only what counts takes others out: where B loses to A, C is not lost to B. Losers are taken out round by round;
    who is still undecided after the last round loses.
    """
    until = f"GREATEST({{0}}.ended_us, {{0}}.started_us + {SECOND_US})"
    numbers = ("rank_no", "started_us", "ended_us", "provider_no", "kind_bit", "avoided_mg")
    both = ", ".join(f"{side}.{name} AS {side}_{name}" for side in "ab" for name in numbers)
    mine, rivals = (_rank(side, own) for side, own in (("a", "record_id"), ("b", "rival_id")))
    lost = " UNION ALL ".join(f"SELECT * FROM lost_{number}" for number in range(1, ROUNDS + 1))
    return [
        Step(
            "contest",
            f"""
            SELECT a.record_id, b.record_id AS rival_id, {both}
            FROM rivalling AS a JOIN rivalling AS b
                ON a.account_id = b.account_id AND a.group_no = b.group_no AND a.record_id <> b.record_id
                AND a.started_us < {until.format("b")} AND b.started_us < {until.format("a")}
                AND (a.provider_no <> b.provider_no OR (a.ended_us > a.started_us AND b.ended_us > b.started_us))
            WHERE a.rank_no >= b.rank_no
            """,
        ),
        Step("beaten_0", f"SELECT * FROM contest WHERE {_before(rivals, mine)}"),
        *(step for number in range(1, ROUNDS + 1) for step in _round(number)),
        Step(
            "once_end",
            f"""
            SELECT record_id, rival_id, outcome FROM (
                SELECT record_id, rival_id,
                    CASE WHEN a_kind_bit = b_kind_bit AND a_provider_no <> b_provider_no
                        THEN {Outcome.duplicate_of} ELSE {Outcome.overlapping} END AS outcome,
                    ROW_NUMBER() OVER (PARTITION BY record_id ORDER BY {", ".join(rivals)}) AS place
                FROM ({lost} UNION ALL SELECT * FROM beaten_{ROUNDS}) AS lost
            ) AS placed_rivals WHERE place = 1
            UNION ALL
            SELECT record_id, rival_id, outcome FROM earlier_loss
            """,
        ),
        Step(
            "counted",
            "SELECT c.* FROM covered AS c ANTI JOIN once_end AS e ON e.record_id = c.record_id",
            kept=False,
        ),
    ]


def _rank(side: str, own: str) -> list[str]:
    """What a side of a contest is ordered by: what it cannot avoid first; its number only among acts that are alike."""
    return [
        f"{side}_rank_no",
        f"{side}_started_us",
        f"-{side}_ended_us",
        f"{side}_provider_no",
        f"{side}_kind_bit",
        f"COALESCE({side}_avoided_mg, {-(1 << 62)})",
        own,
    ]


def _round(number: int) -> list[Step]:
    """Who is beaten by someone whom nobody beats has lost, and beats nobody any more."""
    pairs = f"beaten_{number - 1}"
    return [
        Step(
            f"lost_{number}",
            f"SELECT p.* FROM {pairs} AS p ANTI JOIN {pairs} AS f ON f.record_id = p.rival_id",
        ),
        Step(
            f"beaten_{number}",
            f"SELECT p.* FROM {pairs} AS p ANTI JOIN lost_{number} AS l ON l.record_id = p.record_id "
            f"ANTI JOIN lost_{number} AS r ON r.record_id = p.rival_id",
        ),
    ]


def _before(left: list[str], right: list[str]) -> str:
    """``left`` sorts before ``right``, written out, since not every engine compares rows."""
    first, *rest = zip(left, right, strict=True)
    text = f"{first[0]} < {first[1]}"
    if not rest:
        return text
    deeper = _before([pair[0] for pair in rest], [pair[1] for pair in rest])
    return f"({text} OR ({first[0]} = {first[1]} AND {deeper}))"


def payable_steps(*, any_held: bool) -> list[Step]:
    """What counts and is not held: a held act uses up no room under a cap. It still stands against other reports."""
    counted = "SELECT c.* FROM counted AS c"
    return [
        Step(
            "payable",
            f"{counted} ANTI JOIN held AS h ON h.record_id = c.record_id" if any_held else counted,
            kept=False,
        )
    ]


def cap_steps() -> list[Step]:
    """Caps per person: what a person-day or person-year leaves is credited in order of time, the rest recorded.

    ``short_of_room`` are those who would be credited more if they had been credited less on the year's other days,
    with what they had been credited there, as far as it counts.

    Two acts of one person with the same times, provider and amount are alike here: their numbers order them.
    """
    order = "a.started_us, a.ended_us, a.provider_no, a.avoided_mg, a.record_id"
    return [
        Step(
            "person_sum",
            "SELECT account_id, methodology_no, CAST(SUM(avoided_mg) AS BIGINT) AS sum_mg FROM payable "
            "WHERE avoided_mg > 0 GROUP BY account_id, methodology_no",
        ),
        Step(
            "room",
            """
            SELECT s.account_id, s.methodology_no, GREATEST(0, LEAST(
                COALESCE(c.day_limit_mg, s.sum_mg), COALESCE(c.year_limit_mg - COALESCE(p.year_mg, 0), s.sum_mg)
            )) AS room_mg
            FROM person_sum AS s LEFT JOIN cap AS c ON c.methodology_no = s.methodology_no
                LEFT JOIN prior AS p ON p.account_id = s.account_id AND p.methodology_no = s.methodology_no
            WHERE s.sum_mg > 0 AND (s.sum_mg > c.day_limit_mg OR s.sum_mg > c.year_limit_mg - COALESCE(p.year_mg, 0))
            """,
        ),
        Step(
            "clipped",
            f"""
            SELECT record_id, CAST(GREATEST(0, LEAST(avoided_mg, room_mg - before_mg)) AS BIGINT) AS credited_mg FROM (
                SELECT a.record_id, a.avoided_mg, m.room_mg,
                    COALESCE(SUM(a.avoided_mg) OVER (
                        PARTITION BY a.account_id, a.methodology_no ORDER BY {order}
                        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                    ), 0) AS before_mg
                FROM payable AS a JOIN room AS m
                    ON m.account_id = a.account_id AND m.methodology_no = a.methodology_no
                WHERE a.avoided_mg > 0
            ) AS running
            """,
        ),
        Step(
            "short_of_room",
            """
            SELECT s.account_id, s.methodology_no, LEAST(p.year_mg, c.year_limit_mg) AS year_mg
            FROM person_sum AS s JOIN cap AS c ON c.methodology_no = s.methodology_no
                JOIN prior AS p ON p.account_id = s.account_id AND p.methodology_no = s.methodology_no
            WHERE p.year_mg > 0
                AND LEAST(s.sum_mg, COALESCE(c.day_limit_mg, s.sum_mg)) > c.year_limit_mg - p.year_mg
            """,
        ),
    ]


def result_steps(*, any_balances: bool) -> list[Step]:
    """Every record of the day with its one end, the credits that follow, and what is to be netted.

    Where stations must balance, an act without a weighing, or of which nothing is left, ends as its balance says.
    A held act would be credited: its amount is recorded, nothing of it is credited, and its clause names the rule.

    Where a methodology's negative results stand (``nets``), they are not taken from a person's account but from
    the next lot of that methodology, so that a programme never certifies the good months alone.
    """
    nobody = "CAST(0 AS BIGINT)"
    none = "CAST(-1 AS INTEGER)"
    ended = f"SELECT record_id, {nobody} AS account_id, CAST(outcome AS INTEGER) AS outcome, "
    return [
        Step(
            "result",
            f"""
            {ended} {none} AS methodology_no, {nobody} AS avoided_mg,
                {nobody} AS credited_mg, {nobody} AS rival_id, CAST(NULL AS VARCHAR) AS clause FROM revision_end
            UNION ALL
            {ended} {none}, {nobody}, {nobody}, {nobody}, NULL FROM assembly_end
            UNION ALL
            {ended} {none}, {nobody}, {nobody}, {nobody}, NULL FROM gate_end
            UNION ALL
            SELECT c.record_id, c.account_id, CAST(e.outcome AS INTEGER), COALESCE(c.methodology_no, -1), {nobody},
                {nobody}, e.rival_id, NULL
            FROM once_end AS e JOIN covered AS c ON c.record_id = e.record_id
            UNION ALL
            SELECT a.record_id, a.account_id, CAST(CASE
                    WHEN a.methodology_no IS NULL THEN {Outcome.no_methodology}
                    WHEN a.is_invalid THEN {Outcome.invalid}
                    {"WHEN a.balance_no <> 0 THEN a.balance_no" if any_balances else ""}
                    WHEN a.clause IS NOT NULL THEN {Outcome.excluded}
                    WHEN a.avoided_mg = 0 THEN {Outcome.nothing_avoided}
                    WHEN a.avoided_mg < 0 THEN {Outcome.below_baseline}
                    WHEN h.record_id IS NOT NULL THEN {Outcome.held}
                    WHEN k.credited_mg < a.avoided_mg THEN {Outcome.capped}
                    ELSE {Outcome.credited} END AS INTEGER),
                COALESCE(a.methodology_no, -1), COALESCE(a.avoided_mg, 0),
                CAST(CASE WHEN h.record_id IS NOT NULL THEN 0
                    ELSE GREATEST(0, COALESCE(k.credited_mg, a.avoided_mg, 0)) END AS BIGINT), {nobody},
                CASE WHEN a.avoided_mg > 0 THEN h.rule ELSE a.clause END
            FROM counted AS a LEFT JOIN clipped AS k ON k.record_id = a.record_id
                LEFT JOIN held AS h ON h.record_id = a.record_id
            """,
        ),
        Step(
            "credit",
            "SELECT account_id, methodology_no, CAST(SUM(credited_mg) AS BIGINT) AS credited_mg FROM result "
            "WHERE credited_mg <> 0 GROUP BY account_id, methodology_no",
        ),
        Step(
            "below",
            "SELECT methodology_no, CAST(-SUM(avoided_mg) AS BIGINT) AS below_mg FROM result WHERE avoided_mg < 0 "
            "GROUP BY methodology_no",
        ),
    ]
