"""Schemas: what the resident's API takes and gives. Amounts are whole milligrams of CO2e; ids of records are text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any, Literal

from ninja import Field, Schema
from pydantic import AwareDatetime, BeforeValidator, ConfigDict

from tanpuhui.quantify.outcome import PASSED

Decision = Literal["", "upheld", "rejected"]


def _written(sign: str) -> Callable[[Any], Any]:
    """A day or moment is written out; a number of seconds since some beginning is none."""

    def checked(given: Any) -> Any:
        if isinstance(given, str) and sign not in given.upper():
            raise ValueError("write it out, such as 2026-03-10 or 2026-03-10T20:00:00+08:00")
        return given

    return checked


class ActsWanted(Schema):
    """Which acts; without anything, the latest."""

    before: Annotated[date, BeforeValidator(_written("-"))] | None = Field(
        None, description="Only days before this one.", examples=["2026-03-09"]
    )
    month: str | None = Field(None, pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$", examples=["2026-03"])
    kind: str | None = Field(None, max_length=60, examples=["metro_trip"])
    outcome: str | None = Field(
        None,
        description="How it ended.",
        pattern=f"^({'|'.join(outcome.name for outcome in PASSED)})$",
        examples=["credited"],
    )


class StatementWanted(Schema):
    """As of when."""

    at: Annotated[AwareDatetime, BeforeValidator(_written("T"))] | None = Field(
        None,
        description="As of this moment, with its offset; now without it, and never later than now.",
        examples=["2026-03-10T20:00:00+08:00"],
    )


class Answer(Schema):
    """What is answered; every field is always there."""

    model_config = ConfigDict(extra="forbid")


class Balance(Answer):
    account: int = Field(examples=[1])
    at: datetime = Field(examples=["2026-03-09T02:00:00+00:00"])
    pending_mg: int = Field(description="Credited, and waiting for the next lot.", examples=[18055404])
    certified_mg: int = Field(description="Part of a lot with serial numbers.", examples=[4763730])
    retired_mg: int = Field(description="Taken out of circulation for good.", examples=[0])
    owed_mg: int = Field(
        description="Taken back after it was certified; later credits make it good.", examples=[0]
    )
    points: int = Field(description="The second book; never mixed with reductions.", examples=[0])


class Month(Answer):
    month: str = Field(description="Year and month of the acts.", examples=["2026-03"])
    methodology: str = Field(examples=["shenzhen/metro@1"])
    kind: str = Field(
        description="Kind of act, empty where the methodology is gone.", examples=["metro_trip"]
    )
    credited_mg: int = Field(examples=[4875480])


class Summary(Answer):
    account: int = Field(examples=[1])
    today: date = Field(examples=["2026-03-09"])
    today_mg: int = Field(description="0 until the day is closed.", examples=[0])
    month_mg: int = Field(examples=[22819134])
    year_mg: int = Field(examples=[22819134])
    last_day: date | None = Field(description="The last day that was counted.", examples=["2026-03-08"])
    last_day_mg: int = Field(examples=[7097838])
    pending_mg: int = Field(examples=[18055404])
    certified_mg: int = Field(examples=[4763730])
    retired_mg: int = Field(examples=[0])
    owed_mg: int = Field(examples=[0])
    points: int = Field(examples=[0])
    statuses: dict[str, str] = Field(
        description="The weakest status of the factors behind each methodology's credits.",
        examples=[{"shenzhen/metro@1": "published"}],
    )
    months: list[Month]


class Act(Answer):
    record: str = Field(
        description="The act's number, as text: it may be above 2^53.", examples=["4294967310"]
    )
    day: date = Field(description="The local day on which it ended.", examples=["2026-03-06"])
    kind: str = Field(examples=["metro_trip"])
    provider: str = Field(examples=["szt"])
    started_at: datetime = Field(examples=["2026-03-06T00:12:00+00:00"])
    ended_at: datetime = Field(examples=["2026-03-06T00:40:00+00:00"])
    outcome: str = Field(description="How it ended; stable names.", examples=["credited"])
    meaning: str = Field(description="The same in a sentence.", examples=["credited in full"])
    methodology: str | None = Field(examples=["shenzhen/metro@1"])
    avoided_mg: int = Field(examples=[672480])
    credited_mg: int = Field(description="After caps.", examples=[672480])
    rival: str | None = Field(description="The act that counts instead.", examples=[None])
    clause: str | None = Field(
        description="The clause that excludes it, or the rule that holds it.", examples=[None]
    )
    measures: dict[str, int] = Field(description="As reported, units last.", examples=[{"distance_m": 14400}])
    manifest: str = Field(description="The close that stands for the day.", examples=["sha256:6d37…"])


class Acts(Answer):
    acts: list[Act]
    earlier: date | None = Field(
        description="Ask again with before= this day for what is earlier; null at the end.",
        examples=["2026-02-27"],
    )


class Step(Answer):
    name: str = Field(examples=["avoided"])
    title: str = Field(examples=["Reduction"])
    formula: str = Field(examples=["distance_m * reduction_factor"])
    latex: str = Field(examples=[r"\mathrm{distance\_m} \cdot \mathrm{reduction\_factor}"])
    substituted: str = Field(examples=["14400 m * 46.7 gCO2e/(person*km)"])
    value: str = Field(description="Exact: a decimal, or p/q.", examples=["672.48"])
    unit: str = Field(examples=["gCO2e"])


class Factor(Answer):
    name: str = Field(examples=["reduction_factor"])
    title: str = Field(examples=["Reduction per person-kilometre by metro"])
    value: str = Field(examples=["46.7"])
    unit: str = Field(examples=["gCO2e/(person*km)"])
    status: str = Field(description="official, published, secondary or illustrative.", examples=["published"])
    source: str = Field(examples=["https://www.citysz.net/guonei/2022/0923/2022107136.html"])
    review_by: date = Field(examples=["2027-06-30"])


class Cap(Answer):
    per: str = Field(description="person-day, person-year or activity.", examples=["person-day"])
    limit_mg: int | None = Field(examples=[10000000])
    clause: str = Field(examples=["README 9"])
    status: str = Field(examples=["illustrative"])


class Weighed(Answer):
    station: str = Field(description="Empty where the record does not say.", examples=["sorting-7"])
    first_day: date = Field(
        description="What was sorted and fetched is of these days.", examples=["2026-03-06"]
    )
    last_day: date = Field(examples=["2026-03-06"])
    source: str = Field(description="Who weighed; empty where nobody did.", examples=["blue-hauliers"])
    sorted_g: int = Field(description="What the station reported, all people together.", examples=[120000])
    fetched_g: int | None = Field(description="What was weighed when it was fetched.", examples=[90000])
    counted_g: int = Field(description="What of it counts: never more than was fetched.", examples=[90000])
    score_permille: int = Field(description="1000 where both agree within 5 %.", examples=[750])
    reason: str = Field(description="balances, over, under or not_weighed.", examples=["over"])
    mass_g: int = Field(description="What was reported of the act.", examples=[2000])
    counted_mass_g: int = Field(description="What of it counts, rounded down.", examples=[1500])


class Verdict(Answer):
    rules: list[str] = Field(
        description="The rules against fraud that held it.", examples=[["fraud.speed@1"]]
    )
    decision: Literal["released", "confirmed"] = Field(
        description="`released`: credited like any other. `confirmed`: it stays held.", examples=["confirmed"]
    )
    reason: str = Field(examples=["The ride was a car's."])
    decided_at: datetime = Field(examples=["2026-03-11T01:00:00+00:00"])


class Trace(Answer):
    act: Act
    methodology: str | None = Field(examples=["shenzhen/metro@1"])
    title: str = Field(examples=["Shenzhen low-carbon public transport: metro"])
    digest: str | None = Field(
        description="Of the methodology's folder, as the close used it.", examples=["sha256:…"]
    )
    is_other_folder: bool = Field(
        description="The methodology here is no longer the one that was used: nothing is worked out again.",
        examples=[False],
    )
    factors_of: date | None = Field(description="The day whose factors were used.", examples=["2026-03-06"])
    status: str = Field(description="The weakest status behind the result.", examples=["published"])
    steps: list[Step]
    factors: list[Factor]
    caps: list[Cap]
    lacking: list[str] = Field(description="Fields that are missing or out of range.", examples=[[]])
    weighed: Weighed | None = Field(
        description="Where its station must balance with what hauliers weighed: what counts of its grams.",
        examples=[None],
    )
    grant: int | None = Field(description="The grant that let the act through.", examples=[7])
    sequence: int = Field(description="Which close of the day this is.", examples=[2])
    as_of: datetime = Field(examples=["2026-03-10T12:00:00+00:00"])
    lots: list[str] = Field(examples=[["DEMO-000001"]])
    verdicts: list[Verdict] = Field(
        description="What was decided about it while a rule against fraud held it, newest first.",
        examples=[[]],
    )


class Position(Answer):
    what: str = Field(description="certified, pending, owed or retired.", examples=["certified"])
    methodology: str = Field(examples=["shenzhen/metro@1"])
    vintage: int = Field(examples=[2026])
    lot: str = Field(examples=["DEMO-000001"])
    serials: str = Field(examples=["DEMO-SHENZHEN.METRO.1-2026-000000001-000000007"])
    status: str = Field(examples=["published"])
    amount_mg: int = Field(examples=[4763730])


class Statement(Answer):
    account: int = Field(examples=[1])
    at: datetime = Field(examples=["2026-03-10T12:00:00+00:00"])
    certified_mg: int = Field(examples=[4763730])
    pending_mg: int = Field(examples=[18055404])
    owed_mg: int = Field(examples=[0])
    retired_mg: int = Field(examples=[0])
    positions: list[Position]
    ledger_digest: str = Field(
        description="SHA-256 of the canonical JSON of the ledger's statement of this moment.",
        examples=["sha256:…"],
    )


class Grant(Answer):
    grant: int = Field(examples=[7])
    account: int = Field(examples=[1])
    provider: str = Field(examples=["szt"])
    recipient: str = Field(examples=["platform"])
    purpose: str = Field(examples=["quantification"])
    kinds: list[str] = Field(examples=[["metro_trip"]])
    acts_from: datetime = Field(examples=["2025-12-31T16:00:00+00:00"])
    acts_to: datetime = Field(examples=["2027-02-20T01:00:00+00:00"])
    begins_at: datetime = Field(examples=["2026-02-20T01:00:00+00:00"])
    expires_at: datetime = Field(examples=["2027-02-20T01:00:00+00:00"])
    state: str = Field(examples=["ConsentGiven"])
    digest: str = Field(examples=["sha256:…"])


class Appeal(Answer):
    id: int = Field(examples=[3])
    record: str = Field(examples=["4294967310"])
    day: date = Field(examples=["2026-03-06"])
    outcome: str = Field(description="The end that is appealed against.", examples=["duplicate_of"])
    round: int = Field(examples=[1])
    asked_at: datetime = Field(examples=["2026-03-11T01:00:00+00:00"])
    words: str = Field(examples=["I rode twice that morning."])
    decision: Decision = Field(description="Empty while it waits.", examples=[""])
    reason: str = Field(examples=[""])
    answered_at: datetime | None = Field(examples=[None])


class Use(Answer):
    lot: str = Field(examples=["DEMO-000001"])
    serial_first: int = Field(examples=[1])
    serial_last: int = Field(examples=[4])
    tonnes: int = Field(examples=[4])
    serials: str = Field(examples=["DEMO-000001-2026-000000001-000000004"])
    state: Literal["open", "held", "locked", "retired", "cancelled"] = Field(
        description="`held` and `locked` are not used yet, `retired` is.", examples=["retired"]
    )
    company: str | None = Field(examples=["acme"])
    company_name_zh: str | None = Field(examples=["演示企业"])
    company_name_en: str | None = Field(examples=["Acme"])
    said: dict[str, str] = Field(
        description="Of a surrender its year and jurisdiction, otherwise beneficiary and purpose.",
        examples=[{"purpose": "surrender", "jurisdiction": "demo", "year": "2026"}],
    )
    since: datetime = Field(examples=["2026-11-25T04:00:00+00:00"])


class PoolSale(Answer):
    sale: int = Field(examples=[1])
    sold_at: datetime = Field(examples=["2026-11-24T04:00:00+00:00"])
    buyer: str = Field(examples=["acme"])
    buyer_name_zh: str = Field(examples=["演示企业"])
    buyer_name_en: str = Field(examples=["Acme"])
    tonnes: int = Field(description="What the company bought of the round.", examples=[4])
    price_per_tonne: str = Field(examples=["62.50"])
    amount_mg: int = Field(description="What of it was this account's.", examples=[12345678])
    amount: str = Field(description="What that brought: money and points together.", examples=["0.77"])
    money: str = Field(examples=["0.77"])
    points: int = Field(examples=[0])
    points_of: str | None = Field(examples=[None])
    currency: str = Field(examples=["CNY"])
    paid_at: datetime | None = Field(
        description="Null until it is paid out.", examples=["2026-11-24T05:00:00+00:00"]
    )
    uses: list[Use]


class PoolShare(Answer):
    round: int = Field(examples=[1])
    pool: str = Field(examples=["city_pool"])
    lot: str = Field(examples=["DEMO-000001"])
    vintage: int = Field(examples=[2026])
    opened_at: datetime = Field(examples=["2026-11-24T04:00:00+00:00"])
    round_tonnes: int = Field(examples=[10])
    least_price_per_tonne: str = Field(examples=["60.00"])
    state: Literal["open", "closed", "annulled"] = Field(examples=["open"])
    amount_mg: int = Field(description="What was lent.", examples=[30864195])
    sold_mg: int = Field(examples=[12345678])
    on_sale_mg: int = Field(examples=[18518517])
    back_mg: int = Field(examples=[0])
    sales: list[PoolSale]


class PoolTerms(Answer):
    pool: str = Field(examples=["city_pool"])
    name_zh: str = Field(examples=["演示减排量池"])
    name_en: str = Field(examples=["Demonstration pool"])
    jurisdiction: str = Field(examples=["demo"])
    currency: str = Field(examples=["CNY"])
    pays: Literal["money", "points"] = Field(examples=["money"])
    sponsor: str | None = Field(examples=[None])
    opened_at: datetime = Field(examples=["2026-11-01T04:00:00+00:00"])
    takes_part: bool = Field(
        description="Whether the next round may take from this account.", examples=[True]
    )
    grant: int | None = Field(examples=[7])
    min_price_per_tonne: str | None = Field(examples=["60.00"])
    vintages: list[int] | None = Field(description="Null: all years.", examples=[None])


class Money(Answer):
    currency: str = Field(examples=["CNY"])
    available_minor: int = Field(examples=[77])
    held_minor: int = Field(description="On its way to the bank.", examples=[0])
    available: str = Field(examples=["0.77"])
    held: str = Field(examples=["0.00"])


class Pools(Answer):
    pools: list[PoolTerms]
    shares: list[PoolShare] = Field(description="The newest hundred.")
    money: list[Money]


#: What text may hold: no control character but a tab and ends of lines, and something besides blanks.
_CONTROL = r"\x00-\x08\x0b\x0c\x0e-\x1f"
_KEPT, _SOME = f"[^{_CONTROL}]", rf"[^{_CONTROL}\s]"


class NewAppeal(Schema):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"record": "4294967310", "words": "I rode twice that morning."}]},
    )

    record: str = Field(pattern=r"^[0-9]{1,19}$", examples=["4294967310"])
    words: str = Field(
        min_length=1,
        max_length=2000,
        pattern=f"^{_KEPT}*{_SOME}{_KEPT}*$",
        examples=["I rode twice that morning."],
    )


class Problem(Schema):
    """RFC 9457: why a request is refused, and what to do next."""

    type: str = Field(examples=["urn:tanpuhui:problem:close.unknown_act"])
    title: str = Field(examples=["Not found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["There is no act 5 among yours. Look at the list of your acts."])
    code: str = Field(description="Stable.", examples=["close.unknown_act"])
    facts: dict[str, Any] = Field(examples=[{"record": 5}])
