"""A week of a seeded city with honest people and cheaters; it knows nothing of the rules and shares no number.

Every row is labelled with the pattern it was made for, or with none. Cheaters differ continuously in how far they go:
some stay below any sensible limit and are counted as missed. What each does is told in docs/reference/fraud.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

DAYS, DAY_S, US = 7, 86_400, 1_000_000
MONDAY_US = 1_772_380_800 * US
CITY_M = 30_000
HONEST = ""
#: Speeds of honest travel, km/h: mean, deviation, least, most.
SPEEDS = {
    "bike_trip": (13, 3, 5, 27),
    "e_bike_trip": (20, 4, 8, 36),
    "bus_trip": (18, 5, 6, 50),
    "metro_trip": (32, 6, 15, 60),
}


@dataclass
class Labelled:
    """Columns of one relation, and of each row whose it is, what it was made for and what it is worth."""

    table: pa.Table
    person: np.ndarray
    made_for: np.ndarray
    value: np.ndarray


class City:
    def __init__(self, honest: int, attackers: float, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.goes = np.random.default_rng([seed, 1])
        self.honest = honest
        self.cheaters = max(8, round(honest * attackers))
        self.next_person = honest + 1
        self.trips: list[dict[str, np.ndarray]] = []

    def people(self, count: int | None = None) -> np.ndarray:
        """New accounts for cheaters."""
        count = self.cheaters if count is None else count
        first, self.next_person = self.next_person, self.next_person + count
        return np.arange(first, first + count)

    def uniform(self, low: float, high: float, size: object) -> np.ndarray:
        return self.random.uniform(low, high, size)

    def whole(self, low: int, high: int, size: object) -> np.ndarray:
        """Whole numbers, both ends included."""
        return self.random.integers(low, high + 1, size)

    def speed(self, kind: np.ndarray) -> np.ndarray:
        of = np.array([SPEEDS[name] for name in kind]) if len(kind) else np.zeros((0, 4))
        return np.clip(self.random.normal(of[:, 0], of[:, 1]), of[:, 2], of[:, 3])

    def places(self, count: int) -> np.ndarray:
        return self.uniform(0, CITY_M, (count, 2))

    def around(self, where: np.ndarray, near_m: float, far_m: float) -> np.ndarray:
        angle, far = self.uniform(0, 2 * np.pi, len(where)), self.uniform(near_m, far_m, len(where))
        return where + np.column_stack([np.cos(angle), np.sin(angle)]) * far[:, None]

    def add(  # noqa: PLR0917
        self,
        person: np.ndarray,
        start_s: np.ndarray,
        kind: np.ndarray,
        origin: np.ndarray,
        destination: np.ndarray,
        made_for: str = HONEST,
        *,
        kmh: np.ndarray | None = None,
        more_s: np.ndarray | float = 0,
        distance_m: np.ndarray | None = None,
    ) -> np.ndarray:
        """Add trips; answers when each ended, in seconds."""
        apart = np.hypot(*(origin - destination).T)
        distance = apart * self.uniform(1.05, 1.35, len(apart)) + 50 if distance_m is None else distance_m
        lasted = distance * 3.6 / (self.speed(kind) if kmh is None else kmh) + more_s
        end_s = start_s + np.maximum(lasted, 20)
        self.trips.append(
            {
                "account_id": person, "start_s": start_s, "end_s": end_s, "kind": kind, "distance_m": distance,
                "origin": origin, "destination": destination, "made_for": np.full(len(person), made_for, object),
            }
        )  # fmt: skip
        return end_s

    # Honest people

    def live(self) -> None:
        """A week of everybody who is honest, by how they live."""
        home = self.places(self.honest)
        person = np.arange(1, self.honest + 1)
        cuts = (np.cumsum([0.60, 0.15, 0.10, 0.01, 0.04]) * self.honest).astype(int)
        commuters, families, shifts, couriers, tourists, others = np.split(np.arange(self.honest), cuts)
        self.commute(person[commuters], home[commuters], 8 * 3600, 18 * 3600)
        self.commute(person[shifts], home[shifts], 21 * 3600, 30.5 * 3600)
        self.commute(person[families], home[families], 8 * 3600, 18 * 3600)
        self.outings(person[families], home[families])
        self.deliver(person[couriers], home[couriers])
        self.wander(person[tourists], home[tourists], 5, 9)
        self.wander(person[others], home[others], 1, 2)

    def commute(self, person: np.ndarray, home: np.ndarray, out_s: float, back_s: float) -> None:
        """There in the morning and back in the evening; shift workers come home after midnight."""
        work = self.around(home, 800, 14_000)
        far = np.hypot(*(work - home).T)
        kinds = np.where(
            far < 5_000, "bike_trip", self.random.choice(["metro_trip", "bus_trip"], len(person))
        )
        kinds = np.where((far < 9_000) & (self.random.random(len(person)) < 0.15), "e_bike_trip", kinds)
        for day in range(5):
            goes = self.random.random(len(person)) < 0.9
            one, of, to, kind = person[goes], home[goes], work[goes], kinds[goes]
            late = self.forgets(kind)
            start = day * DAY_S + out_s + self.random.normal(0, 2_400, len(one))
            self.add(one, start, kind, of, to, more_s=late)
            back = day * DAY_S + back_s + self.random.normal(0, 3_000, len(one))
            self.add(one, back, kind, to, of, more_s=self.forgets(kind))
            lunch = self.random.random(len(one)) < 0.1
            at = day * DAY_S + (out_s + back_s) / 2 + self.random.normal(0, 1_200, lunch.sum())
            cafe = self.around(to[lunch], 300, 1_200)
            bike = np.full(lunch.sum(), "bike_trip")
            end = self.add(one[lunch], at, bike, to[lunch], cafe)
            self.add(one[lunch], end + self.uniform(600, 3_000, len(end)), bike, cafe, to[lunch])

    def forgets(self, kind: np.ndarray) -> np.ndarray:
        """Seconds for which a bicycle stays unlocked after some trips."""
        forgot = np.isin(kind, ["bike_trip", "e_bike_trip"]) & (self.random.random(len(kind)) < 0.006)
        return np.where(forgot, self.uniform(600, 30_000, len(kind)), 0)

    def outings(self, person: np.ndarray, home: np.ndarray) -> None:
        """Families of two to five ride together, some very close to each other."""
        family = np.arange(len(person)) // 5 * 10 + np.where(np.arange(len(person)) % 5 < 2, 0, 1)
        _, family = np.unique(family, return_inverse=True)
        families = family.max() + 1 if len(person) else 0
        first = np.searchsorted(family, np.arange(families))
        spread = self.uniform(2, 60, families)
        for outing in range(8):
            rides = self.random.random(families) < 0.7
            to = self.around(home[first], 800, 5_000)
            at = 9 + outing % 4 * 2.5 + self.uniform(0, 1, families)
            start = (5 + outing // 4) * DAY_S + at * 3600
            apart = np.hypot(*(to - home[first]).T) * self.uniform(1.05, 1.35, families) + 50
            kmh = self.uniform(9, 16, families)
            mine = rides[family]
            fam = family[mine]
            offset, slower = (self.uniform(0, 1, (2, mine.sum())) * spread[fam]).reshape(2, -1)
            distance = apart[fam] * self.random.normal(1, 0.012, mine.sum())
            lasted = apart[fam] * 3.6 / kmh[fam] + slower
            self.add(
                person[mine], start[fam] + offset, np.full(mine.sum(), "bike_trip"), home[first][fam], to[fam],
                distance_m=distance, kmh=distance * 3.6 / lasted,
            )  # fmt: skip

    def deliver(self, person: np.ndarray, hub: np.ndarray) -> None:
        """Couriers go out from a hub and back, to many addresses; one in ten shuttles between two."""
        clients = np.stack([self.around(hub, 500, 4_000) for _ in range(60)], axis=1)
        shuttles = self.random.random(len(person)) < 0.1
        kind = np.full(len(person), "e_bike_trip")
        for day in range(6):
            now = day * DAY_S + self.uniform(8, 10, len(person)) * 3600
            for _ in range(20):
                which = np.where(shuttles, 0, self.whole(0, 59, len(person)))
                to = clients[np.arange(len(person)), which]
                now = self.add(person, now, kind, hub, to) + self.uniform(60, 360, len(person))
                now = self.add(person, now, kind, to, hub) + self.uniform(60, 900, len(person))

    def wander(self, person: np.ndarray, home: np.ndarray, least: int, most: int) -> None:
        """Tourists see the whole city, by metro, bus, bicycle, and taxis in between that nobody reports."""
        for day in range(DAYS):
            legs = self.whole(least, most, len(person))
            now, where = day * DAY_S + self.uniform(7.5, 11, len(person)) * 3600, home
            for leg in range(most):
                going = legs > leg
                to = self.around(where, 700, 6_000)
                kind = self.random.choice(["metro_trip", "bus_trip", "bike_trip"], len(person))
                end = self.add(person[going], now[going], kind[going], where[going], to[going])
                now[going] = end + self.uniform(900, 5_400, going.sum())
                taxi = self.random.random(len(person)) < 0.15
                moved = self.around(to, 1_000, 9_000)
                now = now + np.where(
                    taxi, np.hypot(*(moved - to).T) * 3.6 / self.uniform(18, 55, len(person)), 0
                )
                where = np.where(taxi[:, None], moved, to)

    # Cheaters in trips

    def speeders(self) -> None:
        """Rides by car are reported as rides by bicycle, at the speeds of city traffic and of ring roads."""
        person = np.repeat(self.people(), 10)
        kind = self.random.choice(["bike_trip", "e_bike_trip"], len(person), p=[0.7, 0.3])
        kmh = self.uniform(np.where(kind == "bike_trip", 27, 38), 115, len(person))
        start = np.tile(np.arange(10), len(person) // 10) * 55_000 + self.uniform(20_000, 60_000, len(person))
        of = self.places(len(person))
        lasted_h = self.uniform(0.1, 0.6, len(person))
        self.add(person, start, kind, of, self.around(of, 2_000, 9_000), "fraud.speed", kmh=kmh,
            distance_m=kmh * lasted_h * 1_000)  # fmt: skip

    def sharers(self) -> None:
        """One ticket carries several people through the city, mostly at peak hours."""
        who = self.people()
        a_day = self.whole(4, 20, len(who))
        person = np.repeat(who, a_day * 5)
        day = self.whole(0, DAYS - 1, len(person))
        peak = self.random.choice([7.5, 8.5, 17.5, 18.5], len(person)) + self.random.normal(
            0, 0.7, len(person)
        )
        hour = np.where(self.random.random(len(person)) < 0.7, peak, self.uniform(6, 23, len(person)))
        self.add(person, day * DAY_S + hour * 3600, np.full(len(person), "metro_trip"), self.places(len(person)),
            self.places(len(person)), "fraud.transfer")  # fmt: skip

    def unlockers(self) -> None:
        """One account unlocks bicycles for several riders at a time, once or many times a week."""
        who = self.people()
        times = self.whole(1, 12, len(who))
        outing = np.repeat(who, times)
        start = self.whole(0, DAYS - 1, len(outing)) * DAY_S + self.uniform(7, 21, len(outing)) * 3600
        riders = self.whole(2, 4, len(outing))
        person, start = np.repeat(outing, riders), np.repeat(start, riders)
        of = np.repeat(self.places(len(outing)), riders, axis=0)
        start = start + self.uniform(0, 240, len(person))
        self.add(
            person,
            start,
            np.full(len(person), "bike_trip"),
            of,
            self.around(of, 1_500, 6_000),
            "fraud.open_trip",
        )

    def cloners(self) -> None:
        """One telemetry is sent for two to eight accounts, with up to six seconds and a percent of noise."""
        who = self.people()
        size = self.whole(2, 8, len(who))
        ends = np.cumsum(size)
        ring = np.searchsorted(ends, np.arange(len(who)), side="right")
        ring = np.where(np.bincount(ring)[ring] < 2, np.maximum(ring - 1, 0), ring)
        rings = ring.max() + 1
        noise_s, noise = self.uniform(0, 6, rings) * self.random.random(rings), self.uniform(0, 0.01, rings)
        trips = self.whole(3, 18, rings)
        for trip in range(18):
            sent = trips > trip
            start = self.whole(0, DAYS - 1, rings) * DAY_S + self.uniform(6, 22, rings) * 3600
            distance, lasted = self.uniform(1_500, 7_000, rings), self.uniform(0.2, 0.5, rings) * 3600
            mine = sent[ring]
            of = ring[mine]
            begins = start[of] + self.uniform(0, 1, len(of)) * noise_s[of]
            far = distance[of] * (1 + self.uniform(-0.5, 0.5, len(of)) * noise[of])
            took = lasted[of] + self.uniform(-0.5, 0.5, len(of)) * noise_s[of]
            where = self.places(len(of))
            self.add(who[mine], begins, np.full(len(of), "bike_trip"), where, self.around(where, 1_000, 4_000),
                "fraud.identical_telemetry", distance_m=far, kmh=far * 3.6 / took)  # fmt: skip

    def flippers(self) -> None:
        """Two stations are emptied and filled by riding back and forth, four to thirty times a day."""
        who = self.people()
        one = self.places(len(who)) // 1_000 * 1_000 + 500
        other = one + np.where(self.random.random(len(who)) < 0.5, 1, -1)[:, None] * np.array([1_000, 0])
        wait_s = self.uniform(30, 2_400, len(who))
        for day in range(DAYS):
            legs = np.where(self.random.random(len(who)) < 0.7, self.whole(4, 30, len(who)), 0)
            now = day * DAY_S + self.uniform(6, 10, len(who)) * 3600
            for leg in range(30):
                going = (legs > leg) & (now < (day + 1) * DAY_S - 3_600)
                of, to = (one, other) if leg % 2 == 0 else (other, one)
                end = self.add(who[going], now[going], np.full(going.sum(), "bike_trip"), of[going], to[going],
                    "fraud.there_and_back")  # fmt: skip
                now[going] = end + wait_s[going] * self.uniform(0.7, 1.3, going.sum())

    def acts(self) -> Labelled:
        """Every trip of the week as the relation ``act``."""
        joined = {name: np.concatenate([part[name] for part in self.trips]) for name in self.trips[0]}
        origin, destination = joined["origin"].astype(np.int64), joined["destination"].astype(np.int64)
        distance = joined["distance_m"].astype(np.int64)
        table = pa.table(
            {
                "record_id": np.arange(1, len(distance) + 1),
                "account_id": joined["account_id"],
                "kind": pa.array(joined["kind"].astype(object), pa.string()),
                "day": (joined["end_s"] // DAY_S).astype(np.int64),
                "started_us": MONDAY_US + joined["start_s"].astype(np.int64) * US,
                "ended_us": MONDAY_US + joined["end_s"].astype(np.int64) * US,
                "distance_m": distance,
                "from_x_m": origin[:, 0], "from_y_m": origin[:, 1],
                "to_x_m": destination[:, 0], "to_y_m": destination[:, 1],
                "origin": origin[:, 0] // 250 * 1_000 + origin[:, 1] // 250,
                "destination": destination[:, 0] // 250 * 1_000 + destination[:, 1] // 250,
            }
        )  # fmt: skip
        return Labelled(table, joined["account_id"], joined["made_for"], distance)


def labelled(columns: dict[str, np.ndarray], value: str, whose: str, made_for: np.ndarray) -> Labelled:
    """Rows of another relation, numbered from 1."""
    table = pa.table({"record_id": np.arange(1, len(made_for) + 1), **columns})
    return Labelled(table, np.asarray(columns[whose]), made_for, np.asarray(columns[value]))


def mark(honest: int, cheated: int, pattern: str) -> np.ndarray:
    return np.concatenate([np.full(honest, HONEST, object), np.full(cheated, pattern, object)])


def payments(city: City) -> Labelled:
    """Bills and purchases: some people return much of what they buy; cheaters pay and take back."""
    who = np.arange(1, city.honest + 1)
    returns = np.where(city.random.random(city.honest) < 0.05, city.uniform(0.1, 0.5, city.honest), 0.02)
    person = np.repeat(who, city.whole(2, 14, city.honest))
    amount = city.whole(500, 60_000, len(person))
    back = np.where(city.random.random(len(person)) < returns[person - 1], amount, 0)
    cheater = np.repeat(city.people(), city.whole(2, 25, city.cheaters))
    paid = city.whole(2_000, 80_000, len(cheater))
    taken = (paid * city.uniform(0.4, 1, len(cheater))).astype(np.int64)
    return labelled(
        {
            "account_id": np.concatenate([person, cheater]),
            "payee": np.concatenate([city.whole(1, 40, len(person)), cheater % 7 + 1]),
            "amount_fen": np.concatenate([amount, paid]),
            "refunded_fen": np.concatenate([back, taken]),
        },
        "amount_fen", "account_id", mark(len(person), len(cheater), "fraud.refund_cycling"),
    )  # fmt: skip


def gifts(city: City) -> Labelled:
    """Families give to a child or a grandparent; rings feed one account."""
    giver = np.flatnonzero(city.random.random(city.honest) < 0.3) + 1
    taker = giver // 5 * 5 + 1
    giver, taker = giver[giver != taker], taker[giver != taker]
    earned, share = city.whole(5_000_000, 30_000_000, len(giver)), city.uniform(0.05, 0.95, len(giver)) ** 2
    times = city.whole(1, 6, len(giver))
    who = city.people()
    size = city.whole(3, 11, len(who))
    ring = np.searchsorted(np.cumsum(size), np.arange(len(who)), side="right")
    fed = who[np.searchsorted(ring, ring)]
    feeder, main = who[who != fed], fed[who != fed]
    earned_2, share_2 = city.whole(5_000_000, 30_000_000, len(feeder)), city.uniform(0.65, 1, len(feeder))
    times_2 = city.whole(2, 14, len(feeder))
    all_times = np.concatenate([times, times_2])
    every = [
        np.concatenate(pair)
        for pair in ((giver, feeder), (taker, main), (earned, earned_2), (share, share_2))
    ]
    person, to, income, part = (np.repeat(column, all_times) for column in every)
    amount = (income * part / np.repeat(all_times, all_times)).astype(np.int64)
    return labelled(
        {"account_id": person, "to_account_id": to, "amount_mg": amount, "earned_mg": income},
        "amount_mg", "account_id", mark(times.sum(), times_2.sum(), "fraud.feeder_ring"),
    )  # fmt: skip


def redemptions(city: City) -> Labelled:
    """Regulars have their coffee every day, small shops have few customers; washing merchants live on a few."""
    merchants = max(20, city.honest // 60)
    person = np.repeat(np.arange(1, city.honest + 1), city.whole(0, 5, city.honest))
    shop = city.whole(1, merchants, len(person))
    regular = np.repeat(np.flatnonzero(city.random.random(city.honest) < 0.02) + 1, 7)
    person = np.concatenate([person, regular])
    shop = np.concatenate([shop, regular % merchants + 1])
    who = city.people()
    washers = city.whole(6, 40, len(who))
    cheater, where = np.repeat(who, washers), np.repeat(merchants + 1 + (who - who[0]) // 5, washers)
    guests = np.repeat(np.unique(where), city.whole(0, 60, len(np.unique(where))))
    visitor = city.whole(1, city.honest, len(guests))
    amount = city.whole(300, 3_000, len(person) + len(guests) + len(cheater))
    amount[-len(cheater) :] = city.whole(500, 4_000, len(cheater))
    return labelled(
        {
            "account_id": np.concatenate([person, visitor, cheater]),
            "merchant": np.concatenate([shop, guests, where]),
            "amount_fen": amount,
        },
        "amount_fen", "account_id", mark(len(person) + len(guests), len(cheater), "fraud.merchant_wash"),
    )  # fmt: skip


def charges(city: City) -> Labelled:
    """Drivers cancel, meters drift and differ; cheaters cancel while the charger goes on."""
    person = np.repeat(np.arange(1, city.honest + 1), city.whole(1, 4, city.honest))
    energy = city.whole(3_000, 60_000, len(person))
    cancelled = city.random.random(len(person)) < 0.06
    energy = np.where(cancelled, city.whole(0, 400, len(person)), energy)
    meter = np.maximum(
        energy * city.random.normal(1.01, 0.02, len(person)) + city.whole(0, 500, len(person)), 0
    )
    cheater = np.repeat(city.people(), city.whole(1, 20, city.cheaters))
    said = city.whole(0, 2_000, len(cheater))
    drawn = said + city.uniform(200, 45_000, len(cheater))
    return labelled(
        {
            "account_id": np.concatenate([person, cheater]),
            "is_cancelled": np.concatenate([cancelled, np.ones(len(cheater), bool)]).astype(np.int64),
            "energy_wh": np.concatenate([energy, said]),
            "meter_wh": np.concatenate([meter, drawn]).astype(np.int64),
        },
        "meter_wh", "account_id", mark(len(person), len(cheater), "fraud.cancel_race"),
    )  # fmt: skip


def drops(city: City) -> tuple[Labelled, pa.Table]:
    """Households, and cleaners who bring a whole stairwell's; cheaters bring one container again and again, or lean on
    the scale. Hauliers weigh what is really there."""
    stations = max(4, city.honest // 150)
    person = np.repeat(np.arange(1, city.honest + 1), 5)
    day = np.tile(np.arange(5), city.honest)
    cleaner = (city.random.random(city.honest) < 0.002)[person - 1]
    mass = np.where(cleaner, city.uniform(6_000, 25_000, len(person)), city.random.gamma(3, 500, len(person)))
    # A cleaner comes once or up to four times a day, with what there is: the day's mass in parts of any size.
    goes = np.where(cleaner, city.goes.integers(1, 5, len(person)), 1)
    part = city.goes.exponential(1, goes.sum())
    whose = np.repeat(np.arange(len(person)), goes)
    mass = np.repeat(mass, goes) * part / np.bincount(whose, part)[whose]
    person, day = person[whose], day[whose]
    who = np.repeat(city.people(), 5)
    times = city.whole(2, 10, len(who))
    cheater, on = np.repeat(who, times), np.repeat(np.tile(np.arange(5), len(who) // 5), times)
    fake = np.repeat(city.uniform(1_500, 9_000, len(who)), times) * city.uniform(0.8, 1.2, len(cheater))
    people, mass_g = np.concatenate([person, cheater]), np.concatenate([mass, fake]).astype(np.int64)
    station = people % stations
    real = np.concatenate([mass, np.zeros(len(cheater))])
    weighed = np.bincount(station, real, stations) * city.random.normal(1, 0.015, stations)
    columns = {"account_id": people, "day": np.concatenate([day, on]), "station": station, "mass_g": mass_g}
    weighing = pa.table({"station": np.arange(stations), "mass_g": weighed.astype(np.int64)})
    return labelled(
        columns, "mass_g", "account_id", mark(len(person), len(cheater), "fraud.weight_tampering")
    ), weighing


def totals(city: City) -> Labelled:
    """Providers' totals a day against gates, chargers or grids; some report two to sixty percent more."""
    honest, over = max(400, city.honest // 50), max(8, city.cheaters // 50)
    independent = city.whole(1_000_000, 90_000_000, honest + over)
    more = np.concatenate([city.random.normal(0, 0.01, honest), city.uniform(0.02, 0.6, over)])
    reported = (independent * (1 + more)).astype(np.int64)
    found = labelled(
        {
            "provider": np.arange(honest + over), "kind": np.zeros(honest + over, np.int64),
            "reported": reported, "independent": independent,
        },
        "reported", "provider", mark(honest, over, "fraud.over_reporting"),
    )  # fmt: skip
    found.value = np.where(found.made_for == HONEST, reported, np.maximum(reported - independent, 0))
    return found


def a_week(honest: int, attackers: float, seed: int) -> tuple[dict[str, Labelled], dict[str, pa.Table]]:
    """Every relation with its labels, and the tables that patterns compare them with."""
    city = City(honest, attackers, seed)
    city.live()
    for cheat in (city.speeders, city.sharers, city.unlockers, city.cloners, city.flippers):
        cheat()
    brought, weighing = drops(city)
    relations = {
        "act": city.acts(), "payment": payments(city), "gift": gifts(city), "redemption": redemptions(city),
        "charge": charges(city), "drop_off": brought, "reported_total": totals(city),
    }  # fmt: skip
    return relations, {"weighing": weighing}
