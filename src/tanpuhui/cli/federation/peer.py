"""``tanpuhui federation peer``: add, enable, stop and list peers, and say which of their keys are trusted."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from rich.table import Table

from tanpuhui.cli.output import console, print_json
from tanpuhui.kit.moment import utc_now

app = App(name="peer", help="Who the other platforms are, and their keys.")

Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print JSON.")]


@app.command
def add(
    code: str,
    /,
    *,
    role: Literal["district", "city", "neighbour"],
    url: str,
    contract: str,
    name_zh: str,
    name_en: str,
    versions: str = "1,2",
    as_json: Json = False,
) -> int:
    """Add a platform; it is spoken with when it is enabled.

    Example: tanpuhui federation peer add shanghai --role city --url https://carbon.example --contract 2026-7 --name-zh 上海 --name-en Shanghai

    Parameters
    ----------
    code
        Its jurisdiction's code: by that name both sides know it.
    role
        What it is to us: a district that reports to us, the city that certifies for us, or a neighbour.
    url
        Its address, without a path.
    contract
        Where the agreement can be read.
    name_zh
        What people read, in Chinese.
    name_en
        What people read, in English.
    versions
        Versions of the protocol that are spoken with it.
    """  # noqa: E501
    from django.db import transaction

    from tanpuhui.federation.peer import PeerOrder, add_peer, peer_as_json

    order = PeerOrder(code, role, url, contract, name_zh, name_en, _numbers(versions))
    with transaction.atomic():
        made = add_peer(order, at=utc_now())
    return _print(peer_as_json(made), as_json=as_json)


@app.command
def enable(code: str, /, *, reason: str, as_json: Json = False) -> int:
    """Begin to speak with a peer. A city certifies for us from then on, and nothing is certified here any more.

    Example: tanpuhui federation peer enable shanghai --reason "Agreement 2026-7 is in force"

    Parameters
    ----------
    code
        The peer.
    reason
        Why; it is kept.
    """
    from django.db import transaction

    from tanpuhui.federation.peer import enable as begin
    from tanpuhui.federation.peer import get_peer, peer_as_json

    with transaction.atomic():
        begin(code, reason=reason, at=utc_now())
    return _print(peer_as_json(get_peer(code)), as_json=as_json)


@app.command
def stop(code: str, /, *, reason: str, as_json: Json = False) -> int:
    """Speak with a peer no more: nothing is sent to it, and what it sends is refused.

    Example: tanpuhui federation peer stop shanghai --reason "The agreement ended"

    Parameters
    ----------
    code
        The peer.
    reason
        Why; it is kept.
    """
    from django.db import transaction

    from tanpuhui.federation.peer import get_peer, peer_as_json
    from tanpuhui.federation.peer import stop as end

    with transaction.atomic():
        end(code, reason=reason, at=utc_now())
    return _print(peer_as_json(get_peer(code)), as_json=as_json)


@app.command
def move(code: str, url: str, /, *, reason: str, as_json: Json = False) -> int:
    """Say that a peer has another address from now on.

    Example: tanpuhui federation peer move shanghai https://carbon2.example --reason "It moved"

    Parameters
    ----------
    code
        The peer.
    url
        Its new address, without a path.
    reason
        Why; it is kept.
    """
    from django.db import transaction

    from tanpuhui.federation.peer import get_peer, peer_as_json
    from tanpuhui.federation.peer import move as change

    with transaction.atomic():
        change(code, url, reason=reason, at=utc_now())
    return _print(peer_as_json(get_peer(code)), as_json=as_json)


@app.command
def trust(code: str, key: str, /, *, valid_from: str | None = None, as_json: Json = False) -> int:
    """Trust a public key of a peer; its operator gives it to ours by another way than this network.

    Example: tanpuhui federation peer trust shanghai 11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=

    Parameters
    ----------
    code
        The peer.
    key
        The public key (Ed25519) in base64, as 'federation key list' prints it there.
    valid_from
        From when on, such as 2026-11-24T12:00:00+08:00; now when left out.
    """
    from django.db import transaction

    from tanpuhui.cli.federation.key import moment
    from tanpuhui.federation.peer import add_key, get_peer, key_as_json

    with transaction.atomic():
        made = add_key(get_peer(code), key, valid_from=moment(valid_from, "--valid-from") or utc_now())
    return _print(key_as_json(made), as_json=as_json)


@app.command
def distrust(code: str, key_id: str, /, *, as_json: Json = False) -> int:
    """Trust a key of a peer no more, from now on.

    Example: tanpuhui federation peer distrust shanghai shanghai:21fe31dfa154a261626bf854046fd227

    Parameters
    ----------
    code
        The peer.
    key_id
        What the key is called.
    """
    from django.db import transaction

    from tanpuhui.federation.models import PeerKey
    from tanpuhui.federation.peer import end_key, get_peer, key_as_json

    with transaction.atomic():
        end_key(get_peer(code), key_id, at=utc_now())
    return _print(key_as_json(PeerKey.objects.select_related("end").get(key_id=key_id)), as_json=as_json)


@app.command(name="list")
def list_(*, as_json: Json = False) -> int:
    """Every peer: what it is to us, its address, its keys.

    Example: tanpuhui federation peer list --json
    """
    from tanpuhui.federation.models import Peer
    from tanpuhui.federation.peer import peer_as_json

    rows = [peer_as_json(peer) for peer in Peer.objects.order_by("code")]
    if as_json:
        print_json(rows)
        return 0
    table = Table("Peer", "Role", "Enabled", "Address", "Contract", "Keys")
    for row in rows:
        keys = ", ".join(key["key_id"] for key in row["keys"] if not key["ended_at"])
        table.add_row(
            row["peer"], row["role"], "yes" if row["enabled"] else "no", row["url"], row["contract"], keys
        )
    console.print(table)
    return 0


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(one) if one.strip().isdecimal() else 0 for one in text.split(","))


def _print(said: dict[str, Any], *, as_json: bool) -> int:
    if as_json:
        print_json(said)
        return 0
    for name, value in said.items():
        console.print(f"{name}: {value}", markup=False, highlight=False)
    return 0
