"""Printed: the words and numbers of a statement in the reader's language, for its typst template."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from tanpuhui.disclosure.look import signed
from tanpuhui.disclosure.models import Statement
from tanpuhui.kit.digest import digest_json
from tanpuhui.web.shared.mass import mass


def printed(statement: Statement) -> dict[str, Any]:
    """Title, rows of label and text, notes, and the signature, all as plain text."""
    content = statement.content
    language = "zh" if (get_language() or "").startswith("zh") else "en"
    rows = [
        (_("Issued by"), content["issuer"]),
        (_("For"), content["recipient"]),
        (_("As of"), _moment(content["at"])),
        (_("Number"), content["statement"]),
        (_("Consent"), f"{content['grant']['number']}, {content['grant']['digest'][:23]}…"),
        (_("Consent ends"), _moment(content["grant"]["expires_at"])),
    ]
    return {
        "lang": language,
        "title": _("Statement of a personal carbon account"),
        "rows": rows,
        "amounts": _amounts(content, language),
        "notes": [
            _(
                "Shown with the consent of the account's holder, for the purpose below and to this recipient alone."
            ),
            content["purpose"],
            _("It holds no act, no trip and no name. The holder sees each look at it."),
            *([content["notice"][language]] if content["notice"].get(language) else []),
        ],
        "digest": digest_json(content),
        "digest_label": _("Digest of the content"),
        "signature": signed(statement).jwt.rpartition(".")[2],
        "signature_label": _("Signature (ES256)"),
    }


def _amounts(content: dict[str, Any], language: str) -> list[tuple[str, str]]:
    rows = []
    if "balance" in content:
        balance = content["balance"]
        rows += [
            (_("Certified, held"), str(mass(balance["certified_mg"]))),
            (_("Retired"), str(mass(balance["retired_mg"]))),
            (_("Pending"), str(mass(balance["pending_mg"]))),
        ]
    if "tier" in content:
        rows.append((_("Tier"), _tier(content["tier"], language)))
    return rows


def _tier(tier: dict[str, Any] | None, language: str) -> str:
    if tier is None:
        return _("none yet")
    name = str(tier["name"][language])
    return f"{name} ({_('illustrative')})" if tier["status"] == "illustrative" else name


def _moment(text: str) -> str:
    return date_format(timezone.localtime(datetime.fromisoformat(text)), "DATETIME_FORMAT")
