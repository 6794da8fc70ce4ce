"""The legs of a batch as columns: one account, asset, amount, reference and rule code in each row."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tanpuhui.kit.digest import PREFIX
from tanpuhui.kit.exact import INT64_MAX

Column = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Legs:
    """Columns of int64, equally long, sorted by account; no amount is zero.

    A positive amount credits the account and a negative one takes back (an adjusting entry). The counter
    account gets the opposite, so these legs need not sum to zero. ``asset_id`` fits 32 bits, ``code`` 16.
    """

    account_id: Column
    asset_id: Column
    amount: Column
    ref: Column
    code: Column

    def __post_init__(self) -> None:
        for column in self.columns():
            assert column.dtype == np.int64
            assert column.shape == (len(self),)
        if len(self) == 0:
            return
        assert bool(np.all(self.account_id[1:] >= self.account_id[:-1])), "legs are sorted by account"
        assert bool(np.all(self.amount != 0)), "a leg of zero says nothing"
        assert _fits(self.asset_id, 31)
        assert _fits(self.code, 15)
        largest = max(int(self.amount.max()), -int(self.amount.min()))
        assert largest * len(self) <= INT64_MAX, "the sum of these amounts may not fit 64 bits"

    def __len__(self) -> int:
        return len(self.account_id)

    def columns(self) -> tuple[Column, Column, Column, Column, Column]:
        """The columns in the order in which they are digested."""
        return self.account_id, self.asset_id, self.amount, self.ref, self.code

    def digest(self) -> str:
        """SHA-256 over the columns, one after the other, as little-endian 64-bit integers."""
        whole = hashlib.sha256()
        for column in self.columns():
            whole.update(np.ascontiguousarray(column, dtype="<i8").data)
        return PREFIX + whole.hexdigest()

    def credited(self) -> int:
        """The sum of what comes in."""
        return int(self.amount[self.amount > 0].sum())

    def debited(self) -> int:
        """The sum of what goes out, as a positive number."""
        return -int(self.amount[self.amount < 0].sum())


def no_legs() -> Legs:
    """A batch in which nothing happened."""
    empty: Column = np.zeros(0, np.int64)
    return Legs(empty, empty, empty, empty, empty)


@dataclass(frozen=True)
class Parts:
    """The (asset, code) pairs of some legs: one transaction each. ``part`` says for each leg which one it is in."""

    asset_id: Column
    code: Column
    total: Column
    part: Column


def part_by_asset_and_code(legs: Legs) -> Parts:
    """Part legs into transactions, in the order of (asset, code), with the sum of each; exact integers."""
    if len(legs) == 0:
        return Parts(legs.asset_id, legs.code, legs.amount, legs.ref)
    first_asset, first_code = int(legs.asset_id.min()), int(legs.code.min())
    width = int(legs.code.max()) - first_code + 1
    pair = (legs.asset_id - first_asset) * width + (legs.code - first_code)
    pairs, part = _number(pair)
    total = np.zeros(len(pairs), np.int64)
    np.add.at(total, part, legs.amount)
    return Parts(pairs // width + first_asset, pairs % width + first_code, total, part)


def _number(pair: Column) -> tuple[Column, Column]:
    """Distinct values in order, and the place of each value among them; counted instead of sorted where few."""
    if int(pair.max()) >= len(pair) + 1000:
        values, places = np.unique(pair, return_inverse=True)
        return values, places.astype(np.int64)
    seen = np.bincount(pair) > 0
    return np.flatnonzero(seen).astype(np.int64), (np.cumsum(seen) - 1)[pair].astype(np.int64)


def _fits(column: Column, bits: int) -> bool:
    return bool(-(2**bits) <= int(column.min()) and int(column.max()) < 2**bits)
