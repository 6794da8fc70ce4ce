"""``tanpuhui money``: what organisations have, deposits, withdrawals, and what a bank's statements say."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from cyclopts import App

from tanpuhui.cli.points import JsonFlag, show, show_all
from tanpuhui.cli.progress import WATCHED, Watching
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal

FINDINGS = 3

app = App(name="money", help="Money of organisations: deposits, withdrawals, balances, and bank statements.")


class NoFile(Refusal):
    code = "money.no_file"
    message = "{path} cannot be read ({why}). Give the path of the bank's file."


@app.command
def bank(file: Path | None = None, /, *, as_json: JsonFlag = False, watching: Watching = WATCHED) -> int:
    """Import a bank's camt.053 statement, or list the lines that nobody expects. Exit status 3 when there are any.

    Example: tanpuhui money bank 2026-11-25.xml --json

    Parameters
    ----------
    file
        The bank's file; lists what nobody expected so far when left out.
    as_json
        Print as JSON.
    """
    from django.db import transaction

    from tanpuhui.money.bank_statement import describe_line, import_statement, unmatched

    if file is None:
        rows = [describe_line(line) for line in unmatched()]
        show_all(rows, as_json=as_json)
        return FINDINGS if rows else 0
    try:
        body = file.read_bytes()
    except OSError as error:
        raise NoFile(path=file, why=error.strerror) from error
    with watching.told(as_json=as_json) as report, transaction.atomic():
        shown = import_statement(body, at=utc_now(), report=report)
    show(shown, as_json=as_json)
    return FINDINGS if shown["unmatched"] else 0


@app.command(name="deposit-reference")
def deposit_reference(organisation: str, /, *, as_json: JsonFlag = False) -> int:
    """What a payment must carry as its end-to-end reference to be credited to an organisation.

    Example: tanpuhui money deposit-reference acme

    Parameters
    ----------
    organisation
        Code of the organisation.
    as_json
        Print {"organisation", "reference"}.
    """
    from tanpuhui.money.account import get_organisation
    from tanpuhui.money.deposit import deposit_reference as reference_of

    found = get_organisation(organisation)
    return show({"organisation": found.code, "reference": reference_of(found)}, as_json=as_json)


@app.command
def balance(organisation: str, /, *, as_json: JsonFlag = False) -> int:
    """What an organisation has of each currency, and what of it is held.

    Example: tanpuhui money balance acme --json

    Parameters
    ----------
    organisation
        Code of the organisation.
    as_json
        Print as JSON.
    """
    from tanpuhui.money.account import get_organisation, money_account, money_of

    found = money_of(money_account(get_organisation(organisation).pk))
    return show_all([one.as_json() for one in found], as_json=as_json)


@app.command
def withdraw(
    organisation: str,
    amount: str,
    /,
    *,
    currency: str = "CNY",
    key: str | None = None,
    as_json: JsonFlag = False,
) -> int:
    """Ask for money out: it is held until a bank's statement has the payment under the reference that is printed.

    Example: tanpuhui money withdraw acme 1000.00 --key w-1

    Parameters
    ----------
    organisation
        Code of the organisation.
    amount
        A decimal with at most the currency's places; more are refused, nothing is rounded.
    currency
        ISO 4217 code of the currency.
    key
        Names this order: a repeat with the same key gives the same answer. A new one when left out.
    as_json
        Print the withdrawal as JSON.
    """
    from django.db import transaction

    from tanpuhui.money.withdraw import WithdrawOrder
    from tanpuhui.money.withdraw import withdraw as ask

    order = WithdrawOrder(key or str(uuid4()), organisation, amount, currency)
    with transaction.atomic():
        answer = ask(order, at=utc_now())
    return show(answer.accepted(), as_json=as_json)


@app.command(name="cancel-withdrawal")
def cancel_withdrawal(withdrawal: str, /, *, key: str | None = None, as_json: JsonFlag = False) -> int:
    """Let a withdrawal go that no bank has paid; its money is free again.

    Example: tanpuhui money cancel-withdrawal TPW-000000001

    Parameters
    ----------
    withdrawal
        Its reference.
    key
        Names this order. A new one when left out.
    as_json
        Print the withdrawal as JSON.
    """
    from django.db import transaction

    from tanpuhui.money.withdraw import cancel_withdrawal as cancel

    with transaction.atomic():
        answer = cancel(withdrawal, key=key or str(uuid4()), at=utc_now())
    return show(answer.accepted(), as_json=as_json)


@app.command
def withdrawals(*, as_json: JsonFlag = False) -> int:
    """Every withdrawal, newest first, and whether it is open, paid or cancelled.

    Example: tanpuhui money withdrawals --json

    Parameters
    ----------
    as_json
        Print as JSON.
    """
    from tanpuhui.money.models import Withdrawal
    from tanpuhui.money.withdraw import describe

    found = Withdrawal.objects.select_related("organisation").order_by("-id")
    return show_all([describe(one) for one in found], as_json=as_json)
