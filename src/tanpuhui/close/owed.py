"""Owed: what a close takes back after a lot has certified it, and how later credits make it good.

A resident's pending account never goes below zero. What is taken back beyond it was certified already: the resident
owes it, and the next reductions of the same methodology and vintage make it good before anything is pending again.
A lot is smaller by what is still owed (:mod:`tanpuhui.registry.certify`), so that never more is certified than stands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from django.db import connection

from tanpuhui.ledger.account import KIND_BITS, LEDGER_ITSELF, Kind, account_id
from tanpuhui.ledger.asset import find_asset, get_or_create_asset
from tanpuhui.ledger.balance import available_of
from tanpuhui.ledger.legs import Column, Legs

CLAWBACK = account_id(Kind.CLAWBACK, LEDGER_ITSELF)


@dataclass(frozen=True)
class Change:
    """Rows of one close: whose, of which pending asset, by how many mg.

    ``owed_codes`` name, for each pending asset, the asset in which what is owed of it is counted.
    """

    owner_id: Column
    asset_id: Column
    amount_mg: Column
    owed_codes: dict[int, str]


@dataclass(frozen=True)
class Split:
    """What each row changes in the pending account, and what in the account of what is owed."""

    pending_mg: Column
    owed_mg: Column


def split(change_mg: Column, available_mg: Column, owed_mg: Column) -> Split:
    """Take back what is pending, and owe the rest; credit what is owed first, and the rest is pending.

    >>> ten = np.array([10], np.int64)
    >>> split(-ten, ten - 3, ten - 10)
    Split(pending_mg=array([-7]), owed_mg=array([3]))
    """
    back = np.maximum(-change_mg, 0)
    taken = np.minimum(back, available_mg)
    made_good = np.minimum(np.maximum(change_mg, 0), owed_mg)
    pending = np.where(change_mg < 0, -taken, change_mg - made_good)
    return Split(pending, back - taken - made_good)


def legs_of(change: Change) -> Legs:
    """The legs of a close: pending ones alone where nothing is owed or comes to be."""
    owed_assets = _owed_assets(change)
    available = _available(change, change.asset_id, Kind.RESIDENT_PENDING, change.amount_mg < 0)
    owed = _available(change, _mapped(change.asset_id, owed_assets), Kind.RESIDENT_OWED, change.amount_mg > 0)
    parts = split(change.amount_mg, available, owed)
    legs = [_of(change.owner_id, Kind.RESIDENT_PENDING, change.asset_id, parts.pending_mg)]
    if parts.owed_mg.any():
        names = {asset: get_or_create_asset(connection, code).id for asset, code in change.owed_codes.items()}
        legs.append(_of(change.owner_id, Kind.RESIDENT_OWED, _mapped(change.asset_id, names), parts.owed_mg))
        legs.append(_clawed_back(change.asset_id, parts.owed_mg))
    columns = [np.concatenate(column) for column in zip(*legs, strict=True)]
    kept = np.flatnonzero(columns[2])
    account, asset, amount = (column[kept] for column in columns)
    order = np.argsort(account, kind="stable")
    nothing = np.zeros(len(kept), np.int64)
    return Legs(account[order], asset[order], amount[order], nothing, nothing)


def _of(owners: Column, kind: Kind, assets: Column, amounts: Column) -> tuple[Column, Column, Column]:
    return owners << KIND_BITS | kind, assets, amounts


def _clawed_back(assets: Column, owed_mg: Column) -> tuple[Column, Column, Column]:
    """The other side, in each pending asset: what all owe together is below zero there."""
    numbers, part = np.unique(assets, return_inverse=True)
    total = np.zeros(len(numbers), np.int64)
    np.subtract.at(total, part, owed_mg)
    return np.full(len(numbers), CLAWBACK, np.int64), numbers, total


def _owed_assets(change: Change) -> dict[int, int]:
    """The pending assets in which anything was ever owed, with the asset of what is owed."""
    found = {asset: find_asset(connection, code) for asset, code in change.owed_codes.items()}
    return {asset: owed.id for asset, owed in found.items() if owed is not None}


def _available(change: Change, assets: Column, kind: Kind, rows: np.ndarray) -> Column:
    """What these rows' accounts have now, 0 for the other rows."""
    amounts = np.zeros(len(assets), np.int64)
    asked = np.flatnonzero(rows & (assets > 0))
    if len(asked):
        accounts = change.owner_id[asked] << KIND_BITS | kind
        amounts[asked] = available_of(connection, accounts, assets[asked])
    return amounts


def _mapped(assets: Column, names: dict[int, int]) -> Column:
    """Each asset's counterpart, 0 where it has none."""
    mapped = np.zeros(len(assets), np.int64)
    for asset, name in names.items():
        mapped[assets == asset] = name
    return mapped
