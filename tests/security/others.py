"""Two of everybody: for each role somebody and another one, and what the other ones have that has an address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

import web.town
from access.people import AT
from money.bank import pay_in
from offsetting.filings import ask as filed
from offsetting.filings import declared
from points.book import new_sponsor
from registry.units_town import AT as UNITS_AT
from registry.units_town import given, new_lot
from security.soft_passkey import SoftPasskey, encoded
from tanpuhui.access.hold import account_of, hold
from tanpuhui.access.invite import invite
from tanpuhui.access.membership import join
from tanpuhui.access.models import Membership, Organisation, User
from tanpuhui.access.organise import organise
from tanpuhui.access.token import issue
from tanpuhui.client import generate_key
from tanpuhui.close.models import Manifest
from tanpuhui.community import group
from tanpuhui.consent.models import Grant
from tanpuhui.consent.open_account import open_account
from tanpuhui.evidence.models import Batch, QuarantinedRow
from tanpuhui.evidence.provider_key import add_key
from tanpuhui.federation.models import Link, Peer
from tanpuhui.federation.peer import PeerOrder, add_peer
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import organisation
from tanpuhui.market.listing import TakeOrder, take
from tanpuhui.methodology.load import load_library
from tanpuhui.money.withdraw import WithdrawOrder, withdraw
from tanpuhui.offsetting.surrender import surrender
from tanpuhui.points.settle import SettleOrder, settle
from tanpuhui.registry.annul import annul
from tanpuhui.rights.ask import ask
from tanpuhui.verification.finding import raise_finding
from tanpuhui.verification.keys import register_key
from verification.desk import Desk
from web.companies import holding
from web.exchange_site import PLACE, admitted, listed, newest_trade, proposed
from web.provider_site import contract_of, csv_of, row
from web.residents import COMPANY, RECIPIENT, agreeing, born, giving, providers
from web.second_book import captured_now, earn, held_now, loan, offer_now
from web.site import KINDS, ROLES, client_of, make_site, other_code, own_code, show

#: Routes whose addresses name no object of anybody's, and why; what is not here has an object in :func:`objects_of`.
NO_OBJECTS = {
    r"methodolog|log$|log_|formula$|jurisdiction|lots?$|open_data|statistics|districts": "published for everybody",
    r"serial(_json)?$|certificate(_json|_pdf|_credential)?$|rule_changes$": "published for everybody",
    r"credentials$|credential_issuer$|status_list$": "published for everybody",
    r"company:(year|declare|bought)$": "always one's own",
    r"market(_prices|_chart)?$": "published for everybody",
    r"company:(take|trade_auction|bid)$": "offered to every company: tests/web/test_trade.py",
    r"openid_connect_": "the identity service that the installation names",
    r"console:": "the operator's staff see all of it, and nobody else any: the table of access says so",
    r"invitation$": "its secret is the right to it: tests/web/test_members.py",
    r"resident:(chart|statement_pdf|new_request|source|identifier|recipient|challenge|pool)$": "always one's own",
    r"resident:share_proof$": "one's own share: tests/web/test_share_proof.py",
    r"resident:points_offer$": "published for every resident",
    r"verifier:(programme|programme_json|programme_shares|verify_programme|programmes)$": (
        "every verifier may work every programme out again, and no home is named"
    ),
    r"resident:link_begin$": "a platform that every resident may link with",
}


@dataclass
class Site:
    """The people of the tests of pages, and for each role another one like them."""

    people: dict[str, User | None]
    others: dict[str, User] = field(default_factory=dict)

    def of(self, role: str) -> User:
        user = self.people[role]
        assert user is not None
        return user


@dataclass(frozen=True)
class Owned:
    """An object with an address: of which role its owner is, who, and what the address holds."""

    route: str
    role: str
    owner: User
    holds: dict[str, object]
    #: A page of its own, or a form alone.
    is_page: bool = True


def make_two(account: int | None = None) -> Site:
    """Two residents, two members of two organisations of each kind, two newcomers."""
    site = Site(make_site())
    for role in ROLES[1:]:
        other = User.objects.create_user(f"other-{role}@example.org", is_staff=role == Organisation.OPERATOR)
        site.others[role] = other
        if role in KINDS:
            join(other, Organisation.objects.get(code=other_code(role)), Membership.ADMIN, at=AT)
    hold(site.others["resident"], account or open_account(at=AT), at=AT)
    return site


def proven(user: User | None) -> Client:
    """A browser of somebody who has shown everything there is to show."""
    client = client_of(user)
    if user is not None:
        show(client, user, "mfa", type="webauthn", reauthenticated=True)
    return client


def passkey_of(user: User, name: str = "phone") -> int:
    """A passkey of this user, as its row is after it was made."""
    asked = {"publicKey": {"user": {"id": encoded(user.pk.bytes)}, "challenge": encoded(b"x" * 32)}}
    data = {"name": name, "credential": SoftPasskey().made(asked)}
    return Authenticator.objects.create(user=user, type=Authenticator.Type.WEBAUTHN, data=data).pk


def make_world(folder: Path) -> tuple[Site, list[Owned]]:
    """A closed and certified town in which the other ones have everything that has an address."""
    web.town.VERIFIER, kept = "Other", web.town.VERIFIER
    try:
        town = web.town.closed_town(folder, load_library())
    finally:
        web.town.VERIFIER = kept
    site = make_two(town.accounts["b"])
    providers()
    for code in (own_code("provider"), other_code("provider")):
        contract_of(code)
    found = [
        *_of_users(site),
        *_of_resident(site, town.accounts["b"]),
        *_of_parent(),
        *_of_members(site),
        *_of_provider(site),
        *_of_recipients(site),
        *_of_company(site),
        *_of_shop(site),
        *_of_product(site, town.accounts["b"]),
        *_of_verifier(site),
        *_of_engagement(site, town),
        *_of_clerk(site),
    ]
    return site, found


def _of_users(site: Site) -> Iterator[Owned]:
    """Passkeys: of every kind of user."""
    for role, user in site.others.items():
        for route in ("mfa_remove_webauthn", "mfa_edit_webauthn"):
            yield Owned(route, role, user, {"pk": passkey_of(user)})


def _of_resident(site: Site, account: int) -> Iterator[Owned]:
    user, now = site.others["resident"], utc_now()
    client = proven(user)
    (record, *_) = re.findall(r"/resident/acts/(\d+)/", client.get("/resident/acts/").content.decode())
    grant = Grant.objects.filter(resident_id=account)[0].pk
    holds: dict[str, dict[str, object]] = {
        "activity": {"record": int(record)},
        "appeal": {"record": int(record)},
        "receipt": {"grant": grant},
        "receipt_file": {"grant": grant},
        "group": {"group": group.found(account, "family", "三口之家", at=now).pk},
        "request": {"request_id": ask(account, "correction", "words", at=now).pk},
    }
    for name, values in holds.items():
        yield Owned(f"resident:{name}", "resident", user, values)
    token = issue(user, scope="read", days=30, at=now)[1].pk
    yield Owned("resident:revoke_token", "resident", user, {"token": token}, is_page=False)
    yield Owned("resident:link_end", "resident", user, {"link": linked(account).pk}, is_page=False)


def linked(account: int) -> Link:
    """The account of somebody who has another one in the city."""
    order = PeerOrder(
        "shanghai", Peer.CITY, "https://shanghai.example", "Agreement 2026-7", "上海", "Shanghai"
    )
    peer = add_peer(order, at=utc_now())
    return Link.objects.create(peer=peer, account=account, pseudonym="p" * 43, at=utc_now())


def _of_parent() -> Iterator[Owned]:
    """Somebody with a child in their care, for whom they allowed a source."""
    parent = User.objects.create_user("parent@example.org")
    account = open_account(at=AT, birth_on=born(40))
    hold(parent, account, at=AT)
    child = open_account(at=AT, birth_on=born(8), guardian=account)
    answer = proven(parent).post(f"/resident/children/{child}/sources/szt/", giving(notice=_notice()))
    assert answer.status_code == 302, answer.content.decode()
    grant = Grant.objects.get(resident_id=child).pk
    holds: dict[str, dict[str, object]] = {
        "sources": {},
        "source": {"provider": "szt"},
        "identifier": {"provider": "szt"},
        "recipient": {"purpose": "disclosure", "recipient": "bank"},
        "receipt": {"grant": grant},
        "receipt_file": {"grant": grant},
    }
    for name, values in holds.items():
        yield Owned(f"resident:child:{name}", "resident", parent, {"child": child, **values})


def _notice() -> str:
    """The digest of the notice in the language of a browser that does not say which."""
    from web.residents import digest

    return digest(lang="zh")


def _of_members(site: Site) -> Iterator[Owned]:
    for kind in KINDS:
        if kind == Organisation.OPERATOR:
            continue
        code, admin = other_code(kind), site.others[kind]
        organisation = Organisation.objects.get(code=code)
        second = User.objects.create_user(f"second-{kind}@example.org")
        member = join(second, organisation, Membership.MEMBER, at=AT).pk
        _, invitation = invite(
            organisation, f"third-{kind}@example.org", Membership.MEMBER, by=admin, at=utc_now()
        )
        for name, values, is_page in (
            ("role", {"member": member}, True),
            ("end_membership", {"member": member}, False),
            ("end_invitation", {"invitation": invitation.pk}, False),
        ):
            yield Owned(f"{kind}:{name}", kind, admin, {"organisation": code, **values}, is_page=is_page)


def _of_provider(site: Site) -> Iterator[Owned]:
    user, code = site.others["provider"], other_code("provider")
    file = SimpleUploadedFile("monday.csv", csv_of(row("1"), row("2", distance_m="far", hour=12)))
    proven(user).post(f"/provider/{code}/send/", {"file": file, "key": "", "send": ""})
    batch = Batch.objects.get(provider=code)
    key = generate_key(code)
    now = utc_now()
    made = [
        add_key(code, one.public_bytes, valid_from=now, valid_to=None, at=now)
        for one in (key, generate_key(code))
    ]
    holds: dict[str, dict[str, object]] = {
        "batch": {"batch": batch.pk},
        "receipt": {"batch": batch.pk},
        "row": {"row": QuarantinedRow.objects.get(batch=batch).pk},
        "revoke_key": {"key": made[0].key_id.partition(":")[2]},
    }
    for name, values in holds.items():
        yield Owned(f"provider:{name}", "provider", user, {"organisation": code, **values})


def _of_recipients(site: Site) -> Iterator[Owned]:
    """A bank and a company that the policy of consent names, and a resident who let them see a statement."""
    resident = site.others["resident"]
    client = proven(resident)
    for kind, code, consent, form in (
        (Organisation.BANK, "bank", RECIPIENT, "/bank/bank/"),
        (Organisation.COMPANY, "pool_buyer", COMPANY, "/company/pool_buyer/disclosed/"),
    ):
        recipient = organise(kind, code, name_zh="接收方", name_en="Recipient", at=AT)
        clerk = User.objects.create_user(f"{kind}-clerk@example.org")
        join(clerk, recipient, Membership.MEMBER, at=AT)
        client.post(consent, agreeing(client, "account_balance", "account_tier", to=consent))
        grant = Grant.objects.latest("id").pk
        reference = client.post(f"/resident/statements/{grant}/code/").context["code"]
        address = proven(clerk).post(form, {"reference": str(reference)}).headers["Location"]
        statement = address.rstrip("/").rpartition("/")[2]
        for name in ("statement", "statement_json", "statement_pdf"):
            yield Owned(f"{kind}:{name}", kind, clerk, {"organisation": code, "statement": statement})
    yield Owned("resident:statement_code", "resident", resident, {"grant": grant}, is_page=False)
    yield Owned("resident:statement_credential", "resident", resident, {"grant": grant}, is_page=False)


def _of_company(site: Site) -> Iterator[Owned]:
    """A reservation, and a surrender whose lot was annulled, of another company."""
    user, code = site.others["company"], other_code("company")
    owner = organisation(Organisation.objects.get(code=code).pk)
    wrong, good = new_lot(3), new_lot(3)
    declared(100, company=owner)
    given(owner, wrong, 3)
    used = surrender(filed(3 * TONNE_MG, company=owner).pk, key="s", at=UNITS_AT).pk
    annul(wrong, reason="wrong", at=UNITS_AT)
    given(owner, good, 3)
    kept = filed(TONNE_MG, company=owner).pk
    for name in ("surrender", "release"):
        yield Owned(f"company:{name}", "company", user, {"organisation": code, "reservation": kept})
    yield Owned("company:replace", "company", user, {"organisation": code, "reservation": used, "lot": wrong})
    yield from _of_trader(user, code)


def _of_trader(user: User, code: str) -> Iterator[Owned]:
    """A listing and proposals of another company, a trade that waits for its payment, and money on its way out."""
    third = organise(Organisation.COMPANY, "third-company", name_zh="第三家", name_en="Third", at=AT)
    admitted(code)
    admitted(third.code)
    lot = holding(10, code=code, jurisdiction="demo", status="illustrative")
    theirs = holding(10, code=third.code, jurisdiction="demo", status="illustrative")
    waiting = listed(theirs, 2, "70.00", seller=third.code)
    now = utc_now()
    take(TakeOrder("waits", waiting, code, 1), PLACE, at=now).accepted()
    pay_in(Organisation.objects.get(code=code), "100.00")
    asked = withdraw(WithdrawOrder("asked", code, "10.00", "CNY"), at=now).accepted()
    holds: dict[str, dict[str, object]] = {
        "cancel_listing": {"listing": listed(lot, 2, "70.00", seller=code)},
        "cancel_proposal": {"proposal": proposed(lot, 2, "70.00", seller=code, buyer=third.code)},
        "trade_one": {"reference": newest_trade().reference},
        "cancel_payment": {"withdrawal": int(asked["withdrawal"][4:])},
    }
    to_them = {"proposal": proposed(theirs, 2, "70.00", seller=third.code, buyer=code)}
    for name, values in {**holds, "accept_proposal": to_them, "decline_proposal": to_them}.items():
        yield Owned(f"company:{name}", "company", user, {"organisation": code, **values})


def _of_shop(site: Site) -> Iterator[Owned]:
    """A coffee of the other shop: taken by the other resident, given back in part, settled; and one that waits."""
    user, code = site.others["merchant"], other_code("merchant")
    resident = site.others["resident"]
    account = account_of(resident)
    assert account is not None
    sponsor = new_sponsor()
    earn(account, sponsor, 10)
    coffee = offer_now(sponsor, Organisation.objects.get(code=code))
    taken, waiting = captured_now(coffee, account), held_now(coffee, account)
    order = SettleOrder("settled", code, sponsor.code, utc_now())
    reference = settle(order, at=utc_now()).accepted()["settlement"]
    here = {"organisation": code}
    yield Owned("merchant:refund", "merchant", user, {**here, "redemption": taken.pk})
    yield Owned("merchant:settlement_file", "merchant", user, {**here, "reference": reference, "form": "csv"})
    yield Owned("merchant:offer", "merchant", user, {**here, "offer": coffee.code})
    yield Owned("merchant:stop_offer", "merchant", user, {**here, "offer": coffee.code}, is_page=False)
    for name, is_page in (("redemption", True), ("redemption_state", True), ("release_redemption", False)):
        yield Owned(f"resident:{name}", "resident", resident, {"redemption": waiting.pk}, is_page=is_page)


def _of_product(site: Site, account: int) -> Iterator[Owned]:
    """A loan of the bank, and an application for it."""
    del site
    clerk = User.objects.get(email="bank-clerk@example.org")
    product = loan(Organisation.objects.get(code="bank"))
    application = held_now(product, account)
    here = {"organisation": "bank"}
    yield Owned("bank:offer", "bank", clerk, {**here, "offer": product.code})
    yield Owned("bank:stop_offer", "bank", clerk, {**here, "offer": product.code}, is_page=False)
    for name in ("grant", "decline"):
        yield Owned(f"bank:{name}", "bank", clerk, {**here, "redemption": application.pk}, is_page=False)


def _of_verifier(site: Site) -> Iterator[Owned]:
    user = site.others["verifier"]
    digest = Manifest.objects.all()[0].digest.removeprefix("sha256:")
    lot = {"organisation": other_code("verifier"), "lot": "DEMO-000001"}
    yield Owned("verifier:lot", "verifier", user, lot)
    for name, is_page in (("manifest", True), ("manifest_json", True), ("replay", False)):
        yield Owned(f"verifier:{name}", "verifier", user, {**lot, "digest": digest}, is_page=is_page)


def _of_engagement(site: Site, town: web.town.Closed) -> Iterator[Owned]:
    """A verification of the other verifier, from its declaration to its statement, with a finding."""
    verifier = Organisation.objects.get(code=other_code("verifier"))
    private = Ed25519PrivateKey.generate()
    register_key(verifier, private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw), at=AT)
    desk = Desk(town.town, verifier, private, town.accounts)
    engagement = desk.drawn(through=web.town.DAY)
    desk.examine(engagement)
    asked = {"severity": "minor", "text": "A meter stands askew.", "asked": "Set it straight."}
    finding = raise_finding(engagement.pk, **asked, by=None, at=desk.now())
    desk.conclude(engagement)
    here = {"organisation": verifier.code, "number": engagement.pk}
    for name in (
        *("engagement", "declaration", "plan", "sample", "findings", "conclusion"),
        *("statement_json", "statement_pdf"),
    ):
        yield Owned(f"verifier:{name}", "verifier", site.others["verifier"], here)
    for name in ("recalculate", "complete"):
        yield Owned(f"verifier:{name}", "verifier", site.others["verifier"], here, is_page=False)
    yield Owned("verifier:act", "verifier", site.others["verifier"], {**here, "position": 1})
    yield Owned("verifier:finding", "verifier", site.others["verifier"], {**here, "finding": finding.number})


def _of_clerk(site: Site) -> Iterator[Owned]:
    """A visit at the counter of another operator."""
    user, code = site.others["operator"], other_code("operator")
    sent = {
        "document": "identity_card",
        "number": "11010119500517001x",
        "birth_on": "1950-05-17",
        "guardian": "",
        "agrees": "on",
    }
    answer = proven(user).post(f"/counter/{code}/open/", sent)
    assert answer.status_code == 302, answer.content.decode()
    visit = re.findall(r"/visits/([0-9a-f-]{36})/", answer.headers["Location"])[0]
    here = {"organisation": code, "visit": visit}
    for name, more, is_page in (
        ("visit", {}, True),
        ("statement", {}, True),
        ("source", {"provider": "szt"}, True),
        ("paper", {"provider": "szt"}, True),
        ("letter", {}, False),
        ("end", {}, False),
    ):
        yield Owned(f"counter:{name}", "operator", user, {**here, **more}, is_page=is_page)
