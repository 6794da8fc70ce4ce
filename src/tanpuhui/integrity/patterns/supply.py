"""Supply: patterns against totals from elsewhere. Relations ``drop_off`` with ``weighing``, and ``reported_total``."""

from __future__ import annotations

from tanpuhui.integrity.patterns.pattern import Pattern

#: A station does not balance when people brought so much more than hauliers took, over the window.
STATION_PERCENT = 105
#: What one person brings in a day: above so many grams, and so many times the median of the station.
DAY_MASS_G, TIMES_MEDIAN = 8_000, 4
#: One container again and again: loads of a day that differ by at most so much of their mean. A cleaner brings what
#: there is, in one go or in several that differ. One load above this is more than anybody carries: somebody leaned on
#: the scale.
ALIKE_PERCENT, CARRIED_G = 60, 40_000

WEIGHT_TAMPERING = Pattern(
    id="fraud.weight_tampering",
    version=2,
    relation="drop_off",
    needs=("account_id", "day", "station", "mass_g"),
    reason_zh="该站点的投放量多于清运称重，且这一天同样重量被反复投放，总量远高于该站点的中位数。",
    reason_en="The station took in more than hauliers weighed, and like loads far above its median came again.",
    sql=f"""
        WITH weighed AS (SELECT station, SUM(mass_g) AS weighed_g FROM weighing GROUP BY station),
        off_balance AS (
            SELECT d.station FROM (SELECT station, SUM(mass_g) AS brought_g FROM drop_off GROUP BY station) AS d
            JOIN weighed USING (station) WHERE brought_g * 100 > weighed_g * {STATION_PERCENT}
        ), person_day AS (
            SELECT account_id, day, station, CAST(SUM(mass_g) AS BIGINT) AS day_g, COUNT(*) AS loads,
                MIN(mass_g) AS least_g, MAX(mass_g) AS most_g FROM drop_off GROUP BY account_id, day, station
        ), usual AS (SELECT station, QUANTILE_DISC(day_g, 0.5) AS median_g FROM person_day GROUP BY station),
        heavy AS (
            SELECT account_id, day, station FROM person_day JOIN usual USING (station)
            WHERE day_g > GREATEST({DAY_MASS_G}, {TIMES_MEDIAN} * median_g) AND (most_g > {CARRIED_G}
                OR (loads >= 2 AND (most_g - least_g) * loads * 100 <= day_g * {ALIKE_PERCENT}))
        )
        SELECT record_id FROM drop_off SEMI JOIN heavy USING (account_id, day, station)
            SEMI JOIN off_balance USING (station)
    """,
    other=("weighing", ("station", "mass_g")),
)

#: A provider may report so much more than an independent total: cut-offs at midnight and meters differ.
OVER_PERCENT = 104

OVER_REPORTING = Pattern(
    id="fraud.over_reporting",
    version=1,
    relation="reported_total",
    needs=("provider", "kind", "reported", "independent"),
    reason_zh="数据提供方报送的总量高于独立来源的总量。",
    reason_en="The provider reported more than an independent total allows.",
    sql=f"SELECT record_id FROM reported_total WHERE reported * 100 > independent * {OVER_PERCENT}",
)
