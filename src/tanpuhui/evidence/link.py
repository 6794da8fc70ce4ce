"""Link: say whose account a provider's pseudonym is. Written once; another account for it is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import connection as database

from tanpuhui.evidence.contract import latest
from tanpuhui.evidence.subjects import subject_ids
from tanpuhui.kit.refusal import Refusal


class AlreadyLinked(Refusal):
    code = "evidence.already_linked"
    message = (
        "{count} pseudonyms of {provider} are linked to another account already (first: subject {subject_id}). "
        "A link is never changed: ask the provider for a new pseudonym."
    )


class NoPseudonym(Refusal):
    code = "evidence.no_pseudonym"
    message = "A pseudonym is empty, and names nobody. Give the one that the provider writes in its rows."


class NoAccount(Refusal):
    code = "evidence.no_account"
    message = "{account_id} is not an account: accounts are numbered from 1. Open one first."


def link(provider: str, pseudonym: str, account_id: int, *, at: datetime) -> int:
    """Link one pseudonym to an account; answers the subject's id. The same link again changes nothing."""
    link_many(provider, [(pseudonym, account_id)], at=at)
    return next(subject_ids(latest(provider), [pseudonym]))[pseudonym][0]


def link_many(provider: str, pairs: Iterable[tuple[str, int]], *, at: datetime) -> int:
    """Link many pseudonyms to accounts, set-based; answers how many links are new.

    Refuses all of them when one is linked to another account already. The caller's transaction decides.
    """
    accounts = dict(pairs)
    if any(not pseudonym.strip() for pseudonym in accounts):
        raise NoPseudonym
    for account_id in accounts.values():
        if account_id < 1:
            raise NoAccount(account_id=account_id)
    return sum(
        _insert(provider, {ids[0]: accounts[pseudonym] for pseudonym, ids in piece.items()}, at)
        for piece in subject_ids(latest(provider), accounts)
    )


def _insert(provider: str, wanted: Mapping[int, int], at: datetime) -> int:
    subjects, accounts = list(wanted), list(wanted.values())
    with database.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO vault.subject_link (subject_id, account_id, linked_at)
            SELECT subject, account, %s FROM unnest(%s::bigint[], %s::bigint[]) AS wanted (subject, account)
            ORDER BY subject
            ON CONFLICT DO NOTHING
            """,
            [at, subjects, accounts],
        )
        made = int(cursor.rowcount)
        cursor.execute(
            """
            SELECT l.subject_id
            FROM unnest(%s::bigint[], %s::bigint[]) AS wanted (subject, account)
            JOIN vault.subject_link l ON l.subject_id = wanted.subject AND l.account_id <> wanted.account
            ORDER BY l.subject_id
            """,
            [subjects, accounts],
        )
        others = [subject for (subject,) in cursor.fetchall()]
    if others:
        raise AlreadyLinked(provider=provider, count=len(others), subject_id=others[0])
    return made
