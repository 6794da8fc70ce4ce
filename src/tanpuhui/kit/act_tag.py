"""Act tag: what two providers' systems compute alike for one act, so that it is claimed once, and nobody learns of it.

A tag is of the act, never of the person: its kind, the thing that says which act it was (a vehicle and trip, a charging
session, a meter, an order), and the slot of time in which it began. Clocks differ, so an act has the tags of its slot
and of the slots before and after.
"""

from __future__ import annotations

import unicodedata

#: Ten minutes: two systems that saw one act begin within them share a tag.
SLOT_US = 600_000_000
DOMAIN = "tanpuhui-act-tag/1"
#: By which arithmetic: oblivious (RFC 9497, ristretto255-SHA512, verifiable), or a keyed digest where that is missing.
VOPRF, HMAC = "voprf-ristretto255-sha512", "hmac-sha256"
SUITES = (VOPRF, HMAC)


def inputs_of(kind: str, thing: str, started_us: int) -> tuple[bytes, bytes, bytes]:
    """What an act's three tags are made of, earliest slot first.

    >>> early, own, late = inputs_of("ev_charge", " Session-7 ", 1_200_000_000)
    >>> own
    b'tanpuhui-act-tag/1|ev_charge|session-7|2'
    >>> inputs_of("ev_charge", "session-7", 1_800_000_000)[0] == own
    True
    """
    assert kind, "an act is of a kind"
    named = unicodedata.normalize("NFKC", thing).strip().casefold()
    assert named, "something says which act it was"
    slot = started_us // SLOT_US
    early, own, late = (f"{DOMAIN}|{kind}|{named}|{slot + step}".encode() for step in (-1, 0, 1))
    return early, own, late
