"""Merchant: look up what somebody shows, take it or let it go, give points back, and read settlements."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Path, Query, Router

from tanpuhui.access.models import Organisation
from tanpuhui.api.organisation import schemas
from tanpuhui.api.organisation.once import caller_of, once, organisation_of
from tanpuhui.api.provider.document import CHANGES_SOMETHING, refusals
from tanpuhui.api.provider.schemas import Name
from tanpuhui.api.provider.signature import HttpMessageSignature
from tanpuhui.close.installation import zone
from tanpuhui.kit.moment import local_day, to_us
from tanpuhui.kit.refusal import Refusal
from tanpuhui.points import camt, code
from tanpuhui.points.models import Offer, Redemption, Settlement
from tanpuhui.points.offer import left_of
from tanpuhui.points.redeem import CaptureOrder, Redeemed, ReleaseOrder, capture, release, state_of
from tanpuhui.points.refund import RefundOrder, refund, refunded
from tanpuhui.points.refusals import CodeElsewhere, UnknownOffer, UnknownRedemption, UnknownSettlement
from tanpuhui.points.settle import as_csv, describe

router = Router(tags=["merchant"])
signed = HttpMessageSignature(kind=Organisation.MERCHANT)
#: Settlements of one answer.
AT_ONCE = 100

RedemptionId = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get(
    "/offers/{offer}",
    operation_id="get_offer",
    summary="Look up an offer",
    auth=signed,
    response={200: schemas.Offer, **refusals(403, 404, 429)},
)
def get_offer(request: HttpRequest, offer: Name) -> Any:
    """One of your offers by its code, and how many of it are left."""
    found = Offer.objects.filter(code=offer, organisation=organisation_of(request)).first()
    if found is None:
        raise UnknownOffer(offer=offer)
    names = ("code", "kind", "title_zh", "title_en", "price_points")
    return {
        **{name: getattr(found, name) for name in names},
        "starts_at": found.starts_at.isoformat(),
        "ends_at": found.ends_at.isoformat(),
        "left": left_of([found.pk]).get(found.pk),
    }


@router.get(
    "/redemptions",
    operation_id="read_code",
    summary="Look up a redemption by the code that somebody shows",
    auth=signed,
    response={200: schemas.Redemption, **refusals(403, 404, 429)},
)
def read_code(request: HttpRequest, shown: Query[schemas.Shown]) -> Any:
    """What a code stands for: it must be the platform's and for you. Looking takes nothing."""
    mine = organisation_of(request)
    found = code.read(shown.code, code.public_key())
    if found.organisation != mine.code:
        raise CodeElsewhere(organisation=found.organisation, merchant=mine.code)
    return _describe(mine, found.redemption)


@router.get(
    "/redemptions/{redemption}",
    operation_id="get_redemption",
    summary="A redemption",
    auth=signed,
    response={200: schemas.Redemption, **refusals(403, 404, 429)},
)
def get_redemption(request: HttpRequest, redemption: RedemptionId) -> Any:
    """One redemption of your offers; another merchant's is answered as if there were none."""
    return _describe(organisation_of(request), redemption)


@router.post(
    "/redemptions/{redemption}/capture",
    operation_id="capture_redemption",
    summary="Take what is held, or a part of it",
    auth=signed,
    response={200: schemas.Redemption, **refusals(403, 404, 409, 429, body=True)},
    openapi_extra=CHANGES_SOMETHING,
)
def capture_redemption(request: HttpRequest, redemption: RedemptionId, wanted: schemas.Capture) -> Any:
    """Take all of what is held, or `quantity` of it; the rest is free again. A redemption is captured once."""
    mine, at = organisation_of(request), caller_of(request).at

    def take(key: str) -> dict[str, Any] | Refusal:
        order = CaptureOrder(key, redemption, mine.code, wanted.quantity)
        return _ended(mine, capture(order, day=local_day(to_us(at), zone()), at=at))

    return once(request, "capture", take)


@router.post(
    "/redemptions/{redemption}/release",
    operation_id="release_redemption",
    summary="Let go of what is held",
    auth=signed,
    response={200: schemas.Redemption, **refusals(403, 404, 409, 429, body=True)},
    openapi_extra=CHANGES_SOMETHING,
)
def release_redemption(request: HttpRequest, redemption: RedemptionId, nothing: schemas.Release) -> Any:
    """You do not give it: the points are free again at once."""
    del nothing
    mine, at = organisation_of(request), caller_of(request).at

    def let_go(key: str) -> dict[str, Any] | Refusal:
        return _ended(mine, release(ReleaseOrder(key, redemption, organisation=mine.code), at=at))

    return once(request, "release", let_go)


@router.post(
    "/redemptions/{redemption}/refund",
    operation_id="refund_redemption",
    summary="Give points back",
    auth=signed,
    response={200: schemas.Redemption, **refusals(403, 404, 409, 429, body=True)},
    openapi_extra=CHANGES_SOMETHING,
)
def refund_redemption(request: HttpRequest, redemption: RedemptionId, wanted: schemas.Refund) -> Any:
    """Give points of a captured redemption back, in one or several parts, never more than were captured."""
    mine, at = organisation_of(request), caller_of(request).at

    def give_back(key: str) -> dict[str, Any] | Refusal:
        _mine(mine, redemption)
        order = RefundOrder(key, redemption, mine.code, wanted.points, wanted.reason)
        answer = refund(order, day=local_day(to_us(at), zone()), at=at)
        return answer.refusal or _describe(mine, redemption)

    return once(request, "refund", give_back)


@router.get(
    "/settlements",
    operation_id="list_settlements",
    summary="List settlements",
    auth=signed,
    response={200: schemas.Settlements, **refusals(403, 404, 429)},
)
def list_settlements(request: HttpRequest, page: Query[schemas.Page]) -> Any:
    """Your settlements, newest first, a hundred at a time."""
    mine = organisation_of(request)
    found = Settlement.objects.filter(organisation=mine).select_related("organisation", "sponsor", "payment")
    if page.before is not None:
        found = found.filter(pk__lt=_settlement(mine, page.before).pk)
    rows = list(found.order_by("-pk")[: AT_ONCE + 1])
    shown = rows[:AT_ONCE]
    earlier = shown[-1].reference if len(rows) > AT_ONCE else None
    return {"settlements": [describe(one) for one in shown], "earlier": earlier}


@router.get(
    "/settlements/{settlement}/file",
    operation_id="get_settlement_file",
    summary="A settlement as a file",
    auth=signed,
    response={200: schemas.SettlementFile, **refusals(403, 404, 429)},
)
def get_settlement_file(request: HttpRequest, settlement: Name, wanted: Query[schemas.FileForm]) -> Any:
    """A settlement with its lines: `csv` for a spreadsheet, `camt` as ISO 20022 camt.053."""
    found = _settlement(organisation_of(request), settlement)
    if wanted.form == "csv":
        name, media_type, content = f"{found.reference}.csv", "text/csv", as_csv(found)
    else:
        written = camt.write(found, at=caller_of(request).at)
        name, media_type, content = f"{found.reference}.xml", "application/xml", written.decode()
    return {"name": name, "media_type": media_type, "content": content}


@router.get(
    "/code-key",
    operation_id="get_code_key",
    summary="The public key of codes",
    auth=signed,
    response={200: schemas.CodeKey, **refusals(403, 429)},
)
def get_code_key(request: HttpRequest) -> Any:
    """The key with which a phone checks a code without a network. Look for a new one every day."""
    del request
    return code.public_key()


def _ended(mine: Organisation, answer: Redeemed) -> dict[str, Any] | Refusal:
    return answer.refusal or _describe(mine, answer.id)


def _mine(mine: Organisation, number: int) -> Redemption:
    found = (
        Redemption.objects.filter(pk=number, organisation_id=mine.pk)
        .exclude(state=Redemption.REFUSED)
        .select_related("closing")
        .first()
    )
    if found is None:
        raise UnknownRedemption(redemption=number)
    return found


def _describe(mine: Organisation, number: int) -> dict[str, Any]:
    found = _mine(mine, number)
    closing = getattr(found, "closing", None)
    return {
        "redemption": found.pk,
        "offer": Offer.objects.values_list("code", flat=True).get(pk=found.offer_id),
        "quantity": found.quantity,
        "points": found.points,
        "state": state_of(found),
        "captured": closing.quantity if closing else 0,
        "captured_points": closing.points if closing else 0,
        "refunded_points": refunded(found.pk),
        "good_until": found.good_until.isoformat() if found.good_until else None,
        "expires_at": found.expires_at.isoformat() if found.expires_at else None,
    }


def _settlement(mine: Organisation, reference: str) -> Settlement:
    found = (
        Settlement.objects.filter(reference=reference, organisation=mine)
        .select_related("organisation", "sponsor", "payment")
        .first()
    )
    if found is None:
        raise UnknownSettlement(settlement=reference)
    return found
