"""Outcomes: the ways in which an accepted record can end at the close of its day, each exactly one."""

from __future__ import annotations

from enum import IntEnum


class Outcome(IntEnum):
    """Stable numbers (they are in result files and digests); the names are what commands and pages show."""

    credited = 1
    capped = 2
    nothing_avoided = 3
    excluded = 4
    no_methodology = 5
    invalid = 6
    duplicate_of = 7
    overlapping = 8
    superseded = 9
    retracted = 10
    retraction = 11
    unknown_person = 12
    no_grant = 13
    withdrawn = 14
    outside_range = 15
    joined = 16
    unpaired = 17
    waiting = 18
    same_station = 19
    meter_gap = 20
    no_distance = 21
    not_an_act = 22
    below_baseline = 23
    held = 24
    not_weighed = 25
    not_fetched = 26


#: One plain sentence for each outcome, for people: Chinese, English.
MEANING: dict[Outcome, tuple[str, str]] = {
    Outcome.credited: ("已计入减排量", "credited in full"),
    Outcome.capped: ("已计入，但受上限限制", "credited up to the cap; the rest is recorded"),
    Outcome.nothing_avoided: ("没有产生减排", "the formula gives nothing avoided"),
    Outcome.excluded: ("方法学条款排除", "a clause of the methodology excludes it"),
    Outcome.no_methodology: ("该日没有适用的方法学", "no methodology is in force for it on that day"),
    Outcome.invalid: (
        "缺少方法学要求的数据",
        "a measure that the methodology needs is missing or out of range",
    ),
    Outcome.duplicate_of: ("另一来源已报告同一行为", "another provider reported the same act"),
    Outcome.overlapping: ("与同一人的另一次出行时间重叠", "overlaps another act of the same person"),
    Outcome.superseded: ("已被更正记录取代", "a correction took its place"),
    Outcome.retracted: ("提供方已撤回", "the provider took it back"),
    Outcome.retraction: ("撤回记录本身", "the message that takes another record back"),
    Outcome.unknown_person: ("没有账户与该标识关联", "no account is linked to this pseudonym"),
    Outcome.no_grant: ("没有授权", "no grant covers this provider and kind of act"),
    Outcome.withdrawn: ("授权已撤回、暂停或到期", "the grant is withdrawn, paused or expired"),
    Outcome.outside_range: ("发生在授权期间之外", "it happened outside the range of the grant"),
    Outcome.joined: ("与其他记录合成一次行为", "part of an act that another record carries"),
    Outcome.unpaired: ("24 小时内没有配对记录", "no matching entry or exit within 24 hours"),
    Outcome.waiting: ("等待出站记录", "an entry that still waits for its exit"),
    Outcome.same_station: ("同站进出", "entered and left at the same station"),
    Outcome.meter_gap: ("电表数据当日不完整", "the meter's day is incomplete"),
    Outcome.no_distance: ("没有里程数据", "no distance is known and none is invented"),
    Outcome.below_baseline: (
        "高于基准，从该方法学下一批次中扣减",
        "more was emitted than the baseline: taken off the methodology's next lot",
    ),
    Outcome.held: ("暂缓计入，等待核实", "held: a rule against fraud found it; credited when it is released"),
    Outcome.not_weighed: (
        "等待清运称重",
        "waits for a haulier's weighing of its station; counted when there is one",
    ),
    Outcome.not_fetched: (
        "清运称重表明该投放没有可计入的重量",
        "nothing of it counts: hauliers fetched nothing, or too little, from its station",
    ),
    Outcome.not_an_act: ("不属于低碳行为", "not a low-carbon act (a top-up, for instance)"),
}

#: Ends after which nothing about the person is kept in a result: the account is written as 0.
WITHOUT_PERSON = (Outcome.unknown_person, Outcome.no_grant, Outcome.withdrawn, Outcome.outside_range)

#: Ends of acts that passed the gate: a grant allowed them when their day was closed, and that stands.
PASSED = (
    Outcome.credited,
    Outcome.capped,
    Outcome.nothing_avoided,
    Outcome.excluded,
    Outcome.no_methodology,
    Outcome.invalid,
    Outcome.duplicate_of,
    Outcome.overlapping,
    Outcome.below_baseline,
    Outcome.held,
    Outcome.not_weighed,
    Outcome.not_fetched,
)

#: Ends of acts that stand against any other report of the same time: what counted, and what was told and gives nothing.
STOOD = (
    Outcome.credited,
    Outcome.capped,
    Outcome.nothing_avoided,
    Outcome.excluded,
    Outcome.below_baseline,
    Outcome.held,
    Outcome.not_weighed,
    Outcome.not_fetched,
)
