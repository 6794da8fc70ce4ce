"""Views of a verifier: the lots that it answers for, what each close rests on, and the same numbers computed again."""

from __future__ import annotations

import unicodedata
from typing import cast

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from tanpuhui.access.audit import record
from tanpuhui.access.models import AuditEntry, Membership, Organisation
from tanpuhui.close.installation import places
from tanpuhui.close.models import Manifest
from tanpuhui.close.replay import replay as compute_again
from tanpuhui.kit.digest import PREFIX, canonical_json
from tanpuhui.kit.moment import utc_now
from tanpuhui.methodology.load import load_library
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.registry.models import Lot
from tanpuhui.registry.serial import serials
from tanpuhui.web.shared import errors
from tanpuhui.web.shared.access import MemberRequest, organisation_page
from tanpuhui.web.shared.limit import is_over
from tanpuhui.web.shared.request_id import current
from tanpuhui.web.verifier.inputs import frozen
from tanpuhui.web.verifier.programmes import programmes_of, title_of

#: A larger close is computed again by the command, not while a page waits.
MOST_RECORDS = 200_000
MOST_TRIES, WITHIN_S = 6, 60


@organisation_page(Organisation.VERIFIER)
def home(request: HttpRequest) -> HttpResponse:
    """The lots that name this verifier."""
    lots = lots_of(cast(MemberRequest, request).organisation)
    return render(request, "verifier/home.html", {"lots": lots})


@organisation_page(Organisation.VERIFIER)
def lot(request: HttpRequest, lot: str) -> HttpResponse:
    """One lot with its closes, and whether each was computed again."""
    mine = cast(MemberRequest, request)
    found = lot_or_404(mine.organisation, lot)
    manifests = Manifest.objects.filter(digest__in=found.manifests).order_by("day").defer("body")
    tried = {entry.object_key: entry for entry in _replays(mine.organisation, found.manifests)}
    rows = [{"manifest": one, "hex": _hex(one), "last": tried.get(one.digest)} for one in manifests]
    saving = [(one, title_of(one)) for one in programmes_of(found)]
    context = {"lot": found, "rows": rows, "serials": serials(found), "programmes": saving}
    return render(request, "verifier/lot.html", context)


@organisation_page(Organisation.VERIFIER)
def manifest(request: HttpRequest, lot: str, digest: str) -> HttpResponse:
    """One close: everything that decided it, by digest, what came of it, and a way to compute it again."""
    mine = cast(MemberRequest, request)
    found, of = _manifest(mine.organisation, lot, digest)
    context = {
        "manifest": found,
        "hex": _hex(found),
        "lot": of,
        "body": found.body,
        "inputs": frozen(found.body),
        "is_small": found.activities <= MOST_RECORDS,
        "tried": _replays(mine.organisation, [found.digest]),
        "may": mine.membership.role != Membership.AUDITOR,
    }
    return render(request, "verifier/manifest.html", context)


@organisation_page(Organisation.VERIFIER)
def manifest_json(request: HttpRequest, lot: str, digest: str) -> HttpResponse:
    """The manifest in the form that its digest is of: ``sha256sum`` of the file is its name."""
    found, _ = _manifest(cast(MemberRequest, request).organisation, lot, digest)
    answer = HttpResponse(canonical_json(found.body), content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="{_hex(found)}.json"'
    return answer


@organisation_page(Organisation.VERIFIER, Membership.ADMIN, Membership.MEMBER)
@require_POST
def replay(request: HttpRequest, lot: str, digest: str) -> HttpResponseBase:
    """Compute a close again from its frozen inputs, here and now; the answer is kept with who asked."""
    mine = cast(MemberRequest, request)
    found, of = _manifest(mine.organisation, lot, digest)
    if found.activities > MOST_RECORDS or is_over(
        "replay", mine.organisation.pk, most=MOST_TRIES, within_s=WITHIN_S
    ):
        return errors.too_many(request)
    rules = load_jurisdiction(found.body["inputs"]["jurisdiction"]["code"])
    answer = compute_again(found, places=places(), jurisdiction=rules, library=load_library())
    with transaction.atomic():
        record(
            "replay",
            who=mine.user,
            at=utc_now(),
            organisation=mine.organisation,
            object_kind="manifest",
            object_key=found.digest,
            facts={
                "agrees": answer.agrees,
                "rows": answer.rows,
                "credited_mg": answer.credited_mg,
                "differences": len(answer.differences),
            },
            request_id=current(),
        )
    return redirect("verifier:manifest", organisation=mine.organisation.code, lot=of.code, digest=_hex(found))


def lots_of(organisation: Organisation) -> list[Lot]:
    """Lots whose verifier has one of the organisation's names, however it is spelled, newest first."""
    names = {_plain(organisation.name_zh), _plain(organisation.name_en), _plain(organisation.code)}
    return [one for one in Lot.objects.order_by("-serial_first") if _plain(one.verifier) in names]


def lot_or_404(organisation: Organisation, code: str) -> Lot:
    """One of the organisation's own lots; another's is not there."""
    found = next((one for one in lots_of(organisation) if one.code == code), None)
    if found is None:
        raise Http404
    return found


def _manifest(organisation: Organisation, lot: str, digest: str) -> tuple[Manifest, Lot]:
    of = lot_or_404(organisation, lot)
    name = f"{PREFIX}{digest}"
    found = Manifest.objects.filter(digest=name).first() if name in of.manifests else None
    if found is None:
        raise Http404
    return found, of


def _replays(organisation: Organisation, digests: list[str]) -> list[AuditEntry]:
    found = AuditEntry.objects.filter(
        organisation=organisation, verb="replay", object_kind="manifest", object_key__in=digests
    )
    return list(found.order_by("at"))


def _hex(manifest: Manifest) -> str:
    return manifest.digest.removeprefix(PREFIX)


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
