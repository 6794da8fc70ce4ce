"""Movement: patterns in trips. Relation ``act``; places are metres on a city's grid, or the codes of stations."""

from __future__ import annotations

from tanpuhui.integrity.patterns.pattern import MINUTE_US, SECOND_US, Pattern

#: Mean speed in km/h above which a trip of the kind was not made as reported.
SPEED_KMH = {
    "bike_trip": 32,
    "bus_trip": 75,
    "car_pool_trip": 115,
    "e_bike_trip": 45,
    "low_carbon_trip": 115,
    "metro_trip": 95,
}
#: Kinds whose measures come from a device that the person carries or rides.
DEVICE_KINDS = ("bike_trip", "e_bike_trip", "low_carbon_trip")

_LIMITS = " ".join(f"WHEN '{kind}' THEN {kmh}" for kind, kmh in SPEED_KMH.items())

SPEED = Pattern(
    id="fraud.speed",
    version=1,
    relation="act",
    needs=("kind", "started_us", "ended_us", "distance_m"),
    reason_zh="这次出行的平均速度高于该交通方式可能达到的速度。",
    reason_en="The mean speed of this trip is above what this way of travelling reaches.",
    # m / us > km/h, as metres * 3.6e9 > 1000 * kmh * us
    sql=f"""
        SELECT record_id FROM (SELECT *, CASE kind {_LIMITS} END AS limit_kmh FROM act)
        WHERE CAST(distance_m AS HUGEINT) * 3600000 > CAST(ended_us - started_us AS HUGEINT) * limit_kmh
    """,
)

#: A transfer is impossible above this speed, after allowing for errors of place and of clocks.
TRANSFER_KMH, PLACE_ERROR_M, CLOCK_ERROR_US = 70, 1_500, 2 * MINUTE_US
#: From so many on in the window, the ticket is shared: all its trips are held.
SHARED_FROM = 3

TRANSFER = Pattern(
    id="fraud.transfer",
    version=1,
    relation="act",
    needs=("account_id", "started_us", "ended_us", "from_x_m", "from_y_m", "to_x_m", "to_y_m"),
    reason_zh="从上一次出行的终点到这次出行的起点，在两次之间的时间内不可能到达。",
    reason_en="Nobody gets from where the trip before ended to where this one began in the time between them.",
    sql=f"""
        WITH trip AS (
            SELECT record_id, account_id, started_us, ended_us, from_x_m, from_y_m, to_x_m, to_y_m FROM act
            WHERE from_x_m IS NOT NULL AND to_x_m IS NOT NULL
        ), near AS (
            SELECT *, LAG(record_id) OVER w AS before_id, started_us - LAG(ended_us) OVER w AS gap_us,
                GREATEST(ABS(from_x_m - LAG(to_x_m) OVER w), ABS(from_y_m - LAG(to_y_m) OVER w)) AS apart_m
            FROM trip WINDOW w AS (PARTITION BY account_id ORDER BY started_us, record_id)
        ), impossible AS (
            SELECT * FROM near WHERE CAST(apart_m - {PLACE_ERROR_M} AS HUGEINT) * 3600000
                > CAST(GREATEST(gap_us, 0) + {CLOCK_ERROR_US} AS HUGEINT) * {TRANSFER_KMH}
        ), shared AS (
            SELECT account_id FROM impossible GROUP BY account_id HAVING COUNT(*) >= {SHARED_FROM}
        )
        SELECT record_id FROM impossible UNION SELECT before_id FROM impossible
        UNION SELECT record_id FROM trip SEMI JOIN shared USING (account_id)
    """,
)

#: Overlaps shorter than this are clocks and locks; fewer than so many in the window are forgetting.
OVERLAP_US, OVERLAPS_FROM = 3 * MINUTE_US, 3

OPEN_TRIP = Pattern(
    id="fraud.open_trip",
    version=1,
    relation="act",
    needs=("account_id", "kind", "started_us", "ended_us"),
    reason_zh="同一账户多次同时进行两次出行。",
    reason_en="This account was repeatedly on two trips at once.",
    sql=f"""
        WITH trip AS (
            SELECT record_id, account_id, started_us, ended_us FROM act WHERE ends_with(kind, '_trip')
        ), ahead AS (
            SELECT *, MAX(ended_us) OVER w AS open_until_us FROM trip
            WINDOW w AS (PARTITION BY account_id ORDER BY started_us, record_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        ), late AS (
            SELECT record_id, account_id, started_us, ended_us FROM ahead
            WHERE LEAST(open_until_us, ended_us) - started_us > {OVERLAP_US}
        ), again AS (
            SELECT account_id FROM late GROUP BY account_id HAVING COUNT(*) >= {OVERLAPS_FROM}
        ), held AS (SELECT * FROM late SEMI JOIN again USING (account_id))
        SELECT record_id FROM held
        UNION SELECT t.record_id FROM trip AS t JOIN held AS h ON t.account_id = h.account_id
            AND t.record_id <> h.record_id
            AND LEAST(t.ended_us, h.ended_us) - GREATEST(t.started_us, h.started_us) > {OVERLAP_US}
    """,
)

#: Two devices moved as one: start and end within seconds, distance within a permille, on so many occasions.
TOGETHER_US, DISTANCE_PERMILLE, OCCASIONS_FROM = 4 * SECOND_US, 8, 4
_DEVICES = ", ".join(f"'{kind}'" for kind in DEVICE_KINDS)
_CLOSE = f"""ABS(a.started_us - b.started_us) <= {TOGETHER_US} AND ABS(a.ended_us - b.ended_us) <= {TOGETHER_US}
            AND ABS(a.distance_m - b.distance_m) * 1000 <= {DISTANCE_PERMILLE} * GREATEST(a.distance_m, b.distance_m)"""

IDENTICAL_TELEMETRY = Pattern(
    id="fraud.identical_telemetry",
    version=1,
    relation="act",
    needs=("account_id", "kind", "started_us", "ended_us", "distance_m"),
    reason_zh="不同账户多次在同一秒开始、同一秒结束并移动相同距离。",
    reason_en="Accounts repeatedly started and ended in the same seconds and moved the same distance.",
    sql=f"""
        WITH trip AS (
            SELECT record_id, account_id, kind, started_us, ended_us, distance_m,
                started_us // {TOGETHER_US} AS slot FROM act
            WHERE kind IN ({_DEVICES}) AND distance_m > 0
        ), placed AS (
            SELECT *, slot + shift AS near FROM trip, (SELECT unnest([-1, 0, 1]) AS shift)
        ), pair AS (
            SELECT a.record_id AS one_id, b.record_id AS other_id, a.account_id AS one, b.account_id AS other
            FROM placed AS a JOIN trip AS b ON a.near = b.slot AND a.kind = b.kind
            WHERE a.account_id < b.account_id AND {_CLOSE}
        ), clone AS (SELECT one, other FROM pair GROUP BY one, other HAVING COUNT(*) >= {OCCASIONS_FROM})
        SELECT one_id AS record_id FROM pair SEMI JOIN clone USING (one, other)
        UNION SELECT other_id FROM pair SEMI JOIN clone USING (one, other)
    """,
)

#: Legs between the same two stations, each back after at most so long; from so many on in a day. Who farms takes the
#: neighbouring station, since a leg's reward does not grow with its length; who carries something goes where it is
#: wanted.
BACK_WITHIN_US, LEGS_FROM, NEIGHBOUR_M = 40 * MINUTE_US, 6, 2_000

THERE_AND_BACK = Pattern(
    id="fraud.there_and_back",
    version=2,
    relation="act",
    needs=("account_id", "day", "started_us", "ended_us", "origin", "destination", "distance_m"),
    reason_zh="一天内在两个相邻站点之间反复往返，没有净位移。",
    reason_en="Trips went back and forth between two neighbouring stations all day and led nowhere.",
    sql=f"""
        WITH trip AS (
            SELECT record_id, account_id, day, started_us, ended_us, origin, destination,
                LEAST(origin, destination) AS one, GREATEST(origin, destination) AS other
            FROM act WHERE origin <> destination AND distance_m <= {NEIGHBOUR_M}
        ), leg AS (
            SELECT *, LAG(destination) OVER w = origin AND LAG(origin) OVER w = destination
                AND started_us - LAG(ended_us) OVER w <= {BACK_WITHIN_US} AS turned
            FROM trip WINDOW w AS (PARTITION BY account_id, day ORDER BY started_us, record_id)
        ), flipped AS (
            SELECT account_id, day, one, other FROM leg WHERE turned
            GROUP BY account_id, day, one, other HAVING COUNT(*) >= {LEGS_FROM} - 1
        )
        SELECT record_id FROM leg SEMI JOIN flipped USING (account_id, day, one, other)
    """,
)
