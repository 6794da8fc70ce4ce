"""Account: where the money of an organisation or a resident is in the ledger, and how much of it is held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection

from tanpuhui.access.models import Organisation
from tanpuhui.ledger.account import LEDGER_ITSELF, Kind, account_id, organisation
from tanpuhui.ledger.asset import get_or_create_asset
from tanpuhui.ledger.balance import balances
from tanpuhui.money.amounts import known_currency, to_text
from tanpuhui.money.refusals import UnknownOrganisation

#: Money that is nobody's here: where it comes from, and where what is paid out goes.
OUTSIDE = account_id(Kind.ISSUANCE, LEDGER_ITSELF)
#: Advisory lock of whoever moves money of several accounts in one transaction.
LOCK = 0x6D6F6E


def money_asset(currency: str) -> int:
    """The ledger's number of a currency's asset, ``money:CNY``, counted in minor units; refuses an unknown currency."""
    known_currency(currency)
    return get_or_create_asset(connection, money_code(currency), f"{currency}-minor").id


def money_code(currency: str) -> str:
    return f"money:{currency}"


def money_account(organisation_id: int) -> int:
    """An organisation's money."""
    return account_id(Kind.COMPANY, organisation(organisation_id))


def resident_money_account(resident: int) -> int:
    """A resident's money: what a pool paid out, until the bank has paid it on."""
    return account_id(Kind.RESIDENT_MONEY, resident)


def lock_money() -> None:
    """Let this transaction alone move money of several accounts until it ends.

    Taken after a key's lock and before the locks of lots and any row, by every such verb and by the import of
    statements, so that they wait for each other and never deadlock. A verb that touches one account does without.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def get_organisation(code: str) -> Organisation:
    """An organisation by its code; refuses an unknown one."""
    found = Organisation.objects.filter(code=code).first()
    if found is None:
        raise UnknownOrganisation(organisation=code)
    return found


@dataclass(frozen=True)
class MoneyBalance:
    """What an account has of a currency: what can be used now, and what is held."""

    currency: str
    available_minor: int
    held_minor: int

    def as_json(self) -> dict[str, Any]:
        return {
            **vars(self),
            "available": to_text(self.available_minor, self.currency),
            "held": to_text(self.held_minor, self.currency),
        }


def money_of(account: int) -> list[MoneyBalance]:
    """What an account has of each currency that it ever had, by currency."""
    return [
        MoneyBalance(one.asset.removeprefix("money:"), one.available, one.held)
        for one in balances(connection, [account])
        if one.asset.startswith("money:")
    ]


def available_minor(account: int, currency: str) -> int:
    """What an account can use of a currency now."""
    return sum(one.available_minor for one in money_of(account) if one.currency == currency)
