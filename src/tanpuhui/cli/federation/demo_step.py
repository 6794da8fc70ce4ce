"""Steps of the demonstration of federation, each in a process of its own on one of the two installations."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

from cyclopts import Parameter

from tanpuhui.cli.output import print_json
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal

METHODOLOGY = "shanghai/rooftop-pv"
PROVIDER = "roofs"
#: At 0.42 t/MWh: 2.1 t, 1.26 t and 0.84 t on the first day.
ROOFS_WH = {"a": 5_000_000, "b": 3_000_000, "c": 2_000_000}
#: Who links two accounts: the first resident here and there.
ACCOUNT = 1
Given = dict[str, str]


class UnknownStep(Refusal):
    code = "federation.unknown_step"
    message = "The demonstration has no step {step}. Run 'tanpuhui federation demo'."


def demo_step(
    name: str,
    given: str,
    /,
    *,
    as_json: Annotated[bool, Parameter(name="--json", negative=(), help="Print JSON.")] = False,
) -> int:
    """One step of 'tanpuhui federation demo', which runs it.

    Example: tanpuhui federation demo-step today {}

    Parameters
    ----------
    name
        The step.
    given
        What it needs, as a JSON object.
    """
    del as_json
    steps: dict[str, Callable[[Given], dict[str, Any]]] = {
        step.__name__: step
        for step in (
            *(prepare, meet, live, one_more_day, certify_here, last_day, shares, sell, use, blocks),
            *(link_begin, link_agree, link_finish, links, today),
        )
    }
    if name not in steps:
        raise UnknownStep(step=name)
    print_json(steps[name](json.loads(given)))
    return 0


def demo_commands() -> int:
    """Run the commands that come in, a JSON list of words a line, and answer each with its status and what it printed.

    Example: echo '["federation", "peer", "list", "--json"]' | tanpuhui federation demo-commands
    """
    from tanpuhui.cli.main import status_of

    for line in sys.stdin:
        out = io.StringIO()
        with redirect_stdout(out):
            status = status_of(json.loads(line))
        sys.stdout.write(json.dumps({"status": status, "out": out.getvalue()}) + "\n")
        sys.stdout.flush()
    return 0


def prepare(given: Given) -> dict[str, Any]:
    """A key of this installation."""
    from django.db import transaction

    from tanpuhui.federation.peer import key_as_json
    from tanpuhui.federation.rotate import rotate

    del given
    at = utc_now()
    with transaction.atomic():
        return key_as_json(rotate(valid_from=at, at=at))


def meet(given: Given) -> dict[str, Any]:
    """The other platform, its key, and that it is spoken with."""
    from django.db import transaction

    from tanpuhui.federation.peer import PeerOrder, add_key, add_peer, enable, peer_as_json

    names = {"pudong": ("浦东新区", "Pudong"), "shanghai": ("上海市", "Shanghai")}[given["code"]]
    order = PeerOrder(given["code"], given["role"], given["url"], "demonstration", *names)
    at = utc_now()
    with transaction.atomic():
        peer = add_peer(order, at=at)
        add_key(peer, given["key"], valid_from=at - timedelta(hours=1))
        enable(peer.code, reason="demonstration", at=at)
    return peer_as_json(peer)


def live(given: Given) -> dict[str, Any]:
    """Three residents with roofs, and two days of them, closed."""
    from django.db import transaction

    from tanpuhui.close.models import Manifest
    from tanpuhui.consent.give import give
    from tanpuhui.consent.open_account import open_accounts
    from tanpuhui.consent.terms import Terms, acts_of_days
    from tanpuhui.evidence import contract
    from tanpuhui.evidence.link import link_many

    del given
    at = _noon(12)
    first, _ = acts_of_days(at.date(), None)
    with transaction.atomic():
        contract.add(
            PROVIDER,
            format="generic",
            kinds=["rooftop_pv_output"],
            pia_reference="DEMO: invented provider, no privacy impact assessment",
            valid_from=at.date(),
            made_at=at,
        )
        accounts = dict(zip(ROOFS_WH, open_accounts(len(ROOFS_WH), at=at), strict=True))
        link_many(PROVIDER, accounts.items(), at=at)
        for account in accounts.values():
            give(account, Terms(PROVIDER, ("rooftop_pv_output",), acts_from_us=first), at=at, method="demo")
    _day(4, ROOFS_WH)
    _day(3, {person: amount // 2 for person, amount in ROOFS_WH.items()})
    credited = sum(Manifest.objects.values_list("credited_mg", flat=True))
    return {"days": 2, "credited_mg": credited}


def one_more_day(given: Given) -> dict[str, Any]:
    """A third day."""
    del given
    _day(2, {"a": 1_000_000})
    return {}


def certify_here(given: Given) -> dict[str, Any]:
    """What the district may not do; answers with which code it is refused."""
    from django.db import transaction

    from tanpuhui.cli.places import jurisdiction, places
    from tanpuhui.methodology.load import load_library
    from tanpuhui.registry.certify import Order, certify

    del given
    day = _noon(3).date()
    order = Order(METHODOLOGY, 1, day.year, day, "Pudong", "Green Audit Ltd", utc_now())
    try:
        with transaction.atomic():
            certify(order, places=places(), jurisdiction=jurisdiction(), library=load_library())
    except Refusal as refusal:
        return {"refused": refusal.code}
    return {"refused": ""}


def last_day(given: Given) -> dict[str, Any]:
    """Through which day a lot is asked for."""
    del given
    return {"day": _noon(3).date().isoformat()}


def shares(given: Given) -> dict[str, Any]:
    """What residents have of a lot, without saying who."""
    return {"amounts_mg": [amount for _, amount in _residents_of(given["lot"])]}


def sell(given: Given) -> dict[str, Any]:
    """Residents give tonnes to a pool, and the city's company takes them."""
    from django.db import transaction

    from tanpuhui.federation.gather import today as day_of
    from tanpuhui.federation.peer import city, holder_of
    from tanpuhui.kit.tonnes import TONNE_MG
    from tanpuhui.ledger.account import organisation
    from tanpuhui.registry.models import Lot
    from tanpuhui.registry.pool import GatherOrder, Offer, deliver, gather
    from tanpuhui.registry.units import Part, UnitOrder

    peer, lot, tonnes, at = city(), Lot.objects.get().code, int(given["tonnes"]), utc_now()
    assert peer is not None
    pool, on = organisation(999), day_of(at)
    offers = tuple(Offer(*row) for row in _residents_of(lot))
    with transaction.atomic():
        gather(GatherOrder("demo-sale", pool, lot, tonnes * TONNE_MG, offers, on), at=at)
        deliver(UnitOrder("demo-sale", pool, (Part(lot, tonnes),), on), to=holder_of(peer), at=at)
    return {"lot": lot}


def use(given: Given) -> dict[str, Any]:
    """Acme buys two tonnes of the district's in the city and uses one."""
    from django.db import transaction

    from tanpuhui.access.models import Organisation
    from tanpuhui.access.organise import organise
    from tanpuhui.federation.gather import today as day_of
    from tanpuhui.federation.peer import get_peer, holder_of
    from tanpuhui.ledger.account import organisation
    from tanpuhui.registry.retire import retire
    from tanpuhui.registry.transfer import transfer_units
    from tanpuhui.registry.units import Part, UnitOrder

    at = utc_now()
    lot, on, year = given["lot"], day_of(at), str(at.year)
    with transaction.atomic():
        acme = organise(Organisation.COMPANY, "acme", name_zh="安可公司", name_en="Acme", at=at)
        mine = organisation(acme.pk)
        bought = UnitOrder("demo-bought", holder_of(get_peer("pudong")), (Part(lot, 2),), on)
        transfer_units(bought, to=mine, at=at)
        said = {"purpose": "surrender", "jurisdiction": "shanghai", "year": year}
        retire(UnitOrder("demo-used", mine, (Part(lot, 1),), on, said), at=at)
    return {"lot": lot}


def blocks(given: Given) -> dict[str, Any]:
    """Where the tonnes of a lot are."""
    from tanpuhui.registry.models import Block

    live = Block.objects.filter(lot=given["lot"], closed_at__isnull=True).order_by("first")
    return {"blocks": [list(row) for row in live.values_list("first", "last", "state")]}


def link_begin(given: Given) -> dict[str, Any]:
    """In the city: the way to the district."""
    from django.db import transaction

    from tanpuhui.federation.link import begin

    del given
    with transaction.atomic():
        address, _ = begin("pudong", ACCOUNT, at=utc_now())
    return {"address": address}


def link_agree(given: Given) -> dict[str, Any]:
    """In the district: its resident agrees; the way back."""
    from django.db import transaction

    from tanpuhui.federation.link import agree, wish_of

    asked = {name: values[0] for name, values in parse_qs(urlsplit(given["address"]).query).items()}
    with transaction.atomic():
        return {"address": agree(wish_of(asked), ACCOUNT, notice={"text": "demonstration"}, at=utc_now())}


def link_finish(given: Given) -> dict[str, Any]:
    """In the city: the code is exchanged over the signed channel."""
    from tanpuhui.federation.link import finish
    from tanpuhui.federation.transport import over_http

    brought = parse_qs(urlsplit(given["address"]).query)
    finish(ACCOUNT, state=brought["state"][0], code=brought["code"][0], transport=over_http, at=utc_now())
    return links({})


def links(given: Given) -> dict[str, Any]:
    """The pseudonyms of the links of the demonstration's person."""
    from tanpuhui.federation.link import links_of

    del given
    return {"pseudonyms": [link.pseudonym for link in links_of(ACCOUNT)]}


def today(given: Given) -> dict[str, Any]:
    """The local day."""
    from tanpuhui.federation.gather import today as day_of

    del given
    return {"day": day_of(utc_now()).isoformat()}


def _noon(days_ago: int) -> datetime:
    """Noon of a local day some days ago."""
    from zoneinfo import ZoneInfo

    from tanpuhui.close.installation import zone

    here = ZoneInfo(zone())
    day = utc_now().astimezone(here).date() - timedelta(days=days_ago)
    return datetime.combine(day, time(12), tzinfo=here)


def _day(days_ago: int, energy_wh: dict[str, int]) -> None:
    """What roofs gave on a day, taken and closed."""
    from django.db import transaction

    from tanpuhui.cli.places import jurisdiction, places
    from tanpuhui.close.run import close_day
    from tanpuhui.evidence.take import take
    from tanpuhui.methodology.load import load_library

    noon, where = _noon(days_ago), places()
    rows = [
        {
            "source_id": f"{person}-{noon.date()}",
            "person": person,
            "kind": "rooftop_pv_output",
            "started_at": noon.isoformat(),
            "ended_at": (noon + timedelta(minutes=30)).isoformat(),
            "energy_wh": amount,
        }
        for person, amount in energy_wh.items()
    ]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "roofs.ndjson"
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        with transaction.atomic():
            take(PROVIDER, path, at=utc_now(), lake=where.lake, buckets=where.buckets)
    close_day(noon.date(), at=utc_now(), places=where, jurisdiction=jurisdiction(), library=load_library())


def _residents_of(lot: str) -> list[tuple[int, int]]:
    """Who has how many milligrams of a lot, by account."""
    from django.db import connection

    from tanpuhui.ledger.asset import lot_code

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT account_id >> 4, available FROM ledger_balance b JOIN ledger_asset a ON a.id = b.asset_id "
            "WHERE a.code = %s AND account_id & 15 = 2 AND available > 0 ORDER BY 1",
            [lot_code(lot)],
        )
        return [(int(account), int(amount)) for account, amount in cursor.fetchall()]
