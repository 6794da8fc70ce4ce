"""Money: amounts as whole minor units of a currency that is known, and back to text."""

from __future__ import annotations

import re

from tanpuhui.money.refusals import BadAmount, CurrencyUnknown, TooManyDecimals

#: Decimals of a currency (ISO 4217).
DECIMALS = {
    "CNY": 2,
    "HKD": 2,
    "MOP": 2,
    "TWD": 2,
    "EUR": 2,
    "USD": 2,
    "SGD": 2,
    "JPY": 0,
    "KRW": 0,
    "KWD": 3,
}
_AMOUNT = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,18}))?")


def known_currency(currency: str) -> str:
    """The code of a currency; refuses one that is not known.

    >>> known_currency("CNY")
    'CNY'
    """
    if currency not in DECIMALS:
        raise CurrencyUnknown(currency=currency, known=", ".join(sorted(DECIMALS)))
    return currency


def to_minor(amount: str, currency: str) -> int:
    """A decimal as minor units; refuses what the currency cannot say, and never rounds.

    >>> to_minor("12.5", "CNY"), to_minor("7", "JPY")
    (1250, 7)
    """
    most = DECIMALS[known_currency(currency)]
    found = _AMOUNT.fullmatch(amount)
    if found is None:
        raise BadAmount(amount=amount[:40])
    whole, part = found[1], found[2] or ""
    if len(part) > most:
        raise TooManyDecimals(amount=amount, currency=currency, decimals=len(part), most=most)
    minor: int = int(whole) * 10**most + int(part.ljust(most, "0") or "0")
    if minor == 0:
        raise BadAmount(amount=amount)
    return minor


def to_text(minor: int, currency: str) -> str:
    """Minor units as a decimal with all its places.

    >>> to_text(-1250, "CNY"), to_text(7, "JPY")
    ('-12.50', '7')
    """
    places = DECIMALS[currency]
    digits = str(abs(minor)).rjust(places + 1, "0")
    sign = "-" if minor < 0 else ""
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"
