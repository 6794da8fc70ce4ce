"""Printed: the words and numbers of a verification statement in the reader's language, for its typst template."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from tanpuhui.kit.digest import digest_json
from tanpuhui.verification.models import Statement
from tanpuhui.web.shared.mass import mass
from tanpuhui.web.verifier.words import conclusion_name, earlier_said, severity_name, state_name, totals_said


def printed(statement: Statement) -> dict[str, Any]:
    """Title, rows of label and text, amounts, notes and the signature, all as plain text."""
    content = statement.content
    language = "zh" if (get_language() or "").startswith("zh") else "en"
    verifier = statement.engagement.verifier.name(language)
    projection, sample = content["projection"], content["sample"]
    return {
        "lang": language,
        "title": _("Verification statement"),
        "conclusion": conclusion_name(statement.conclusion),
        "rows": [
            (_("Verifier"), verifier),
            (_("Operator"), content["operator"]),
            (_("Methodology"), f"{content['methodology']} · {content['vintage']}"),
            (_("Through"), date_format(date.fromisoformat(content["through"]), "DATE_FORMAT")),
            (_("Engagement"), str(content["engagement"])),
            (_("Signed at"), date_format(timezone.localtime(statement.signed_at), "DATETIME_FORMAT")),
            (_("Data"), content["data"]),
            (_("Seed"), sample["seed"]),
        ],
        "amounts": [
            (_("Credited in these closes"), str(mass(projection["population_mg"]))),
            (_("Acts examined"), str(sample["size"])),
            (_("Acts in error"), str(projection["errors"])),
            (_("Estimated overstatement"), str(mass(projection["estimate_mg"]))),
            (_("One-sided upper bound"), str(mass(projection["upper_mg"]))),
            (_("Material from"), str(mass(content["materiality"]["mg"]))),
            (_("Taken off the lot"), str(mass(statement.deducted_mg))),
        ],
        "notes": [
            *([said] if (said := totals_said(content["completeness"].get("own_totals"))) else []),
            *earlier_said(content.get("earlier", [])),
            *(
                f"{_('Finding')} {one['number']} ({severity_name(one['severity'])}, {state_name(one['state'])}): "
                f"{one['text']}"
                for one in content["findings"]
            ),
            *([content["remarks"]] if content["remarks"] else []),
        ],
        "digest": digest_json(content),
        "digest_label": _("Digest of the content"),
        "signature": statement.jws.rpartition(".")[2],
        "signature_label": _("Signature (Ed25519)"),
    }
