"""Certificate on paper: what a company surrendered or retired, on A4, with the code that leads to its public page."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from tanpuhui.copies.cap_in_words import CapInWords, in_tonnes
from tanpuhui.copies.credential import certificate_credential
from tanpuhui.copies.paper import qr, typeset
from tanpuhui.copies.status_names import status_name
from tanpuhui.offsetting.certificate import SURRENDER, Annulled, annulled_of
from tanpuhui.offsetting.models import Certificate
from tanpuhui.quantify.jurisdiction import load_jurisdiction


def certificate_pdf(certificate: Certificate, language: str) -> bytes:
    """The certificate as a PDF; it says which lots were annulled up to now, so it is made anew when asked for."""
    with translation.override(language):
        return typeset("certificate.typ", values(certificate, language), at=certificate.issued_at)


def values(certificate: Certificate, language: str) -> dict[str, Any]:
    """What the template prints, in the language that is active."""
    content, credential = certificate.content, certificate_credential(certificate)
    short = "zh" if language.startswith("zh") else "en"
    zone = ZoneInfo(load_jurisdiction(content["jurisdiction"]["code"]).zone)
    is_surrender = content["kind"] == SURRENDER
    used_at = _moment(content["used_at"], zone)
    place = content["jurisdiction"]["title"][short]
    facts = [
        (_("Number"), content["number"]),
        (_("Company"), f"{content['company'][f'name_{short}']} ({content['company']['code']})"),
        (_("Jurisdiction"), place),
    ]
    if is_surrender:
        facts.append((_("Compliance year"), str(content["year"])))
        title = _("Certificate of surrender")
        says = _("surrendered against the emissions of the year, and retired for good")
    else:
        facts += [(_("Beneficiary"), content["beneficiary"]), (_("Purpose"), content["purpose"])]
        title = _("Certificate of voluntary retirement")
        says = _("retired voluntarily, for good; no cap counts them")
    facts.append((_("Retired on"), used_at))
    return {
        "lang": short,
        "issuer": content["issuer"],
        "title": title,
        "tonnes": in_tonnes(content["amount_mg"]),
        "says": says,
        "facts": facts,
        "loud": _("Illustrative: these tonnes rest on factors that no official text supports.")
        if content["weakest_status"] == "illustrative"
        else "",
        "notice": content["notice"].get(short, ""),
        "rule_title": _("By which rule"),
        "rule": rule_lines(content),
        "ranges_title": _("Serial numbers"),
        "ranges_head": [_("Lot and methodology"), _("Vintage"), _("Factors"), _("Tonnes")],
        "ranges": [
            {
                "lot": one["lot"],
                "title": (one["methodology_title"] or {}).get(short, one["methodology"]),
                "serials": one["serials"],
                "vintage": str(one["vintage"]),
                "status": status_name(one["status"]),
                "tonnes": f"{one['tonnes']:,}",
            }
            for one in content["ranges"]
        ],
        "since": [_since(one) for one in annulled_of(certificate)],
        "qr": qr(content["address"]),
        "address": content["address"],
        "address_says": _(
            "The public page shows this certificate, each serial number, and what became of it."
        ),
        "proof": [
            (_("Digest of the content"), certificate.digest),
            (_("Signature (ES256)"), credential.jwt.rpartition(".")[2]),
        ],
        "credential": credential.text(),
        "credential_name": f"certificate-{content['number']}.sd-jwt.json",
        "credential_says": _(
            "The signed credential is attached to this PDF, with the log's proof. "
            "'tanpuhui verify' and verify_certificate.py check it without a network."
        )
        if credential.receipts
        else _(
            "The signed credential is attached to this PDF. The log's proof is not in it yet: download it again."
        ),
    }


def rule_lines(content: dict[str, Any]) -> list[tuple[str, str]]:
    """The rule of a certificate with its arithmetic, as names and texts in the language that is active."""
    rule = content["rule"]
    lines = [(_("Rule"), _("reductions of this place may be retired voluntarily"))]
    if "arithmetic" in rule:
        share = CapInWords(
            rule["denominator"],
            rule["share_percent"],
            rule["least_local_percent"],
            rule["whole_mg"],
            rule["cap_mg"],
        )
        lines = [(_("Rule"), share.says), (_("Arithmetic"), share.arithmetic)]
        left = rule["cap_mg"] - rule["used_before_mg"] - content["amount_mg"]
        before, used = in_tonnes(rule["used_before_mg"]), in_tonnes(content["amount_mg"])
        lines.append(
            (
                _("Under the cap"),
                _("{cap}: {before} used before, {used} by this filing, {left} left").format(
                    cap=in_tonnes(rule["cap_mg"]), before=before, used=used, left=in_tonnes(left)
                ),
            )
        )
    if content.get("deadlines") and content["deadlines"]["surrender_by"]:
        lines.append((_("Surrender by"), content["deadlines"]["surrender_by"]))
    lines += [
        (_("Rule by name"), rule["name"]),
        (_("How sure"), status_name(rule["status"])),
        (_("Source"), rule["source"]),
    ]
    return lines


def _since(one: Annulled) -> str:
    if one.replaced_by is None:
        return _(
            "{tonnes} t of {lot} were annulled afterwards ({reason}), and nothing replaces them yet."
        ).format(tonnes=one.tonnes, lot=one.lot, reason=one.reason)
    serials = ", ".join(each["serials"] for each in one.replaced_by)
    return _(
        "{tonnes} t of {lot} were annulled afterwards ({reason}); {serials} stand in their place."
    ).format(tonnes=one.tonnes, lot=one.lot, reason=one.reason, serials=serials)


def _moment(text: str, zone: ZoneInfo) -> str:
    return date_format(datetime.fromisoformat(text).astimezone(zone), "DATETIME_FORMAT")
