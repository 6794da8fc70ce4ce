"""Join: a consent of its own with terms; changed and left at any time; nobody is asked for more than they agreed to."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import DatabaseError, transaction

from points.book import new_sponsor
from pooling.pond import AT, DEMO, LATER, joined, new_company, new_pool, people
from tanpuhui.access.models import Organisation
from tanpuhui.access.organise import organise
from tanpuhui.consent.close_account import close_account
from tanpuhui.consent.gate import check_artefact
from tanpuhui.consent.open_account import Facts, open_accounts
from tanpuhui.consent.refusals import AccountClosed, GuardianMissing
from tanpuhui.pooling.join import MOST_MINOR, Wish, change_terms, join, leave, membership
from tanpuhui.pooling.models import Pool, Terms
from tanpuhui.pooling.pool import PoolOrder, open_pool
from tanpuhui.pooling.refusals import (
    AlreadyInPool,
    BadPays,
    BadTerms,
    NoPoolKind,
    NotInPool,
    OtherCurrency,
    OtherPool,
    PoolNotNamed,
)

pytestmark = pytest.mark.django_db


def test_joining_is_a_signed_consent_for_this_pool_and_purpose_alone_with_terms() -> None:
    pool = new_pool()
    (account,) = people(1)

    terms = join(account, pool, Wish(5_000, (2026, 2025, 2026)), at=AT, lang="zh", method="web")

    grant = terms.grant
    assert (grant.purpose, grant.recipient, grant.provider, grant.kinds) == (
        "pooling",
        "city_pool",
        "platform",
        ["certified_reductions"],
    )
    assert check_artefact(grant)["separate"] is True
    assert (terms.min_price_minor, terms.vintages) == (5_000, [2025, 2026])
    present = membership(account, pool, at=AT)
    assert present
    assert present.takes_part


def test_terms_change_by_a_new_row_and_the_same_again_changes_nothing() -> None:
    pool = new_pool()
    account = joined(pool, *people(1), 5_000)

    change_terms(account, pool, Wish(7_000, (2026,)), at=LATER)
    change_terms(account, pool, Wish(7_000, (2026,)), at=LATER)

    said = Terms.objects.filter(account=account).order_by("id").values_list("min_price_minor", "vintages")
    assert list(said) == [(5_000, None), (7_000, [2026])]
    with pytest.raises(DatabaseError), transaction.atomic():
        Terms.objects.filter(account=account).update(min_price_minor=0)


def test_whoever_left_is_in_no_pool_and_comes_back_by_a_new_consent() -> None:
    pool = new_pool()
    account = joined(pool, *people(1))
    with pytest.raises(AlreadyInPool):
        joined(pool, account)

    leave(account, pool, at=LATER, method="web")

    assert membership(account, pool, at=LATER) is None
    for act in (
        lambda: leave(account, pool, at=LATER, method="web"),
        lambda: change_terms(account, pool, Wish(1), at=LATER),
    ):
        with pytest.raises(NotInPool):
            act()
    assert join(account, pool, Wish(9), at=LATER, lang="en", method="web").grant.supersedes_id is None


@pytest.mark.parametrize(
    "wish",
    [Wish(-1), Wish(MOST_MINOR + 1), Wish(0, ()), Wish(0, (1999,)), Wish(0, (2101,)), Wish(0, (2026, 0))],
)
def test_terms_that_cannot_be_are_refused_before_anything_is_signed(wish: Wish) -> None:
    pool = new_pool()
    (account,) = people(1)

    with pytest.raises(BadTerms):
        join(account, pool, wish, at=AT, lang="zh", method="web")

    assert membership(account, pool, at=AT) is None
    join(account, pool, Wish(MOST_MINOR, (2000, 2100)), at=AT, lang="zh", method="web")


def test_nobody_joins_for_a_closed_account_and_a_child_not_without_the_guardian() -> None:
    pool = new_pool()
    (closed, guardian) = people(2)
    close_account(closed, at=AT, method="web")
    (child,) = open_accounts(1, at=AT, facts={0: Facts(date(2018, 1, 1), guardian)})

    with pytest.raises(AccountClosed):
        joined(pool, closed)
    with pytest.raises(GuardianMissing):
        joined(pool, child)


def test_a_pool_is_opened_once_and_only_as_what_it_was() -> None:
    pool = new_pool()
    sponsor = new_sponsor(None)

    assert new_pool() == pool
    for order, refusal in (
        (PoolOrder("city_pool", "EUR"), OtherPool),
        (PoolOrder("city_pool", pays="points"), BadPays),
        (PoolOrder("city_pool", pays="cash"), BadPays),
        (PoolOrder("city_pool", sponsor=sponsor.code), BadPays),
        (PoolOrder("city_pool", "EUR", "points", sponsor.code), OtherCurrency),
        (PoolOrder("city_pool", "CNY", "points", sponsor.code), OtherPool),
    ):
        with pytest.raises(refusal):
            open_pool(order, DEMO, at=LATER)
    assert Pool.objects.count() == 1


def test_only_a_company_that_the_consent_policy_names_can_be_a_pool() -> None:
    unnamed = new_company()
    organise(Organisation.MERCHANT, "city_pool", name_zh="店", name_en="Shop", at=AT)

    with pytest.raises(PoolNotNamed):
        open_pool(PoolOrder(unnamed.code), DEMO, at=AT)
    with pytest.raises(NoPoolKind):
        open_pool(PoolOrder("city_pool"), DEMO, at=AT)
