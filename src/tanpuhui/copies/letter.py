"""Letter: the code that says at a counter whose account it is, on paper, once."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from tanpuhui.consent.policy import policy
from tanpuhui.copies.paper import qr, typeset


def letter_pdf(account: int, code: str, *, language: str, at: datetime, zone: str) -> bytes:
    """The letter as a PDF. The code is nowhere else: whoever loses it gets a new letter."""
    rules = policy()
    with translation.override(language):
        values = {
            "lang": language.partition("-")[0],
            "issuer": rules.parties["platform"].name,
            "made_on": date_format(at.astimezone(ZoneInfo(zone)), "DATE_FORMAT"),
            "title": _("Your personal carbon account"),
            "lead": _("Keep this letter as you keep a bank card. You need no e-mail and no telephone."),
            "account_label": _("Account"),
            "account": str(account),
            "code_label": _("Your code"),
            "code": code,
            "lines": [
                _(
                    "Bring this letter or your identity document to a counter. There you can see your account, get a "
                    "statement on paper, and allow or stop a source."
                ),
                _("Nobody else needs the code. Staff ask for it only while you are at the counter."),
                _("If you lose it, ask for a new letter: the old code then opens nothing."),
                _("Questions and complaints: {contact}").format(contact=rules.parties["platform"].contact),
            ],
            "qr": qr(rules.origin),
            "qr_label": _("Public page"),
        }
        return typeset("letter.typ", values, at=at)
