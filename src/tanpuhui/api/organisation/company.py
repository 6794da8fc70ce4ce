"""Company: what it holds, its year under the cap, and the way from a declaration to a surrender."""

from __future__ import annotations

from typing import Annotated, Any

from django.db import connection
from django.http import HttpRequest
from ninja import Path, Router

from tanpuhui.access.models import Organisation
from tanpuhui.api.organisation import schemas
from tanpuhui.api.organisation.once import caller_of, once, organisation_of
from tanpuhui.api.provider.document import CHANGES_SOMETHING, refusals
from tanpuhui.api.provider.signature import HttpMessageSignature
from tanpuhui.close.installation import jurisdiction
from tanpuhui.kit.refusal import Refusal
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import Kind, account_id
from tanpuhui.ledger.account import organisation as owner_of
from tanpuhui.ledger.balance import balances
from tanpuhui.offsetting.answer import file
from tanpuhui.offsetting.cap import YearOf
from tanpuhui.offsetting.declare import declare
from tanpuhui.offsetting.models import Reservation
from tanpuhui.offsetting.refusals import UnknownReservation
from tanpuhui.offsetting.release import release
from tanpuhui.offsetting.report import report_of, reservation_as_json
from tanpuhui.offsetting.reserve import ReserveOrder
from tanpuhui.offsetting.surrender import surrender
from tanpuhui.offsetting.year import get_reservation

router = Router(tags=["company"])
signed = HttpMessageSignature(kind=Organisation.COMPANY)
LOT = "lot:"

ReservationId = Annotated[int, Path(ge=1, le=2**63 - 1)]
YearInPath = Annotated[int, Path(ge=2000, le=2100)]


@router.get(
    "/holdings",
    operation_id="list_holdings",
    summary="What you hold",
    auth=signed,
    response={200: schemas.Holdings, **refusals(403, 429)},
)
def list_holdings(request: HttpRequest) -> Any:
    """Your units, lot by lot: what is free, and what is set aside for a reservation or a sale."""
    mine = account_id(Kind.COMPANY, owner_of(organisation_of(request).pk))
    found = [row for row in balances(connection, [mine]) if row.asset.startswith(LOT)]
    return {
        "holdings": [
            {"lot": row.asset.removeprefix(LOT), "available_mg": row.available, "held_mg": row.held}
            for row in sorted(found, key=lambda row: row.asset)
        ]
    }


@router.get(
    "/years/{year}",
    operation_id="get_year",
    summary="Your year: cap, lots, filings",
    auth=signed,
    response={200: schemas.CompanyYear, **refusals(403, 404, 429)},
)
def get_year(request: HttpRequest, year: YearInPath) -> Any:
    """The cap with its rule and arithmetic, what is used and left, which of your lots may be used and why others may
    not, and your reservations with their serials.
    """
    return report_of(_owner(request), jurisdiction(), year)


@router.post(
    "/declarations",
    operation_id="declare_year",
    summary="Declare verified emissions",
    auth=signed,
    response={200: schemas.CompanyYear, **refusals(403, 404, 409, 429, body=True)},
    openapi_extra=CHANGES_SOMETHING,
)
def declare_year(request: HttpRequest, declared: schemas.Declaration) -> Any:
    """Say what you emitted in a year, verified, and by which report. The newest counts; the ones before it are kept."""
    owner, at = _owner(request), caller_of(request).at

    def say(_key: str) -> dict[str, Any]:
        of = YearOf(declared.year, declared.verified_emissions_mg, declared.allowances_mg)
        declare(owner, jurisdiction(), of, source=declared.source, at=at)
        return report_of(owner, jurisdiction(), declared.year)

    return once(request, "declarations", say)


@router.post(
    "/reservations",
    operation_id="reserve_units",
    summary="Reserve units for a year",
    auth=signed,
    response={200: schemas.Reservation, **refusals(403, 404, 409, 429, body=True)},
    openapi_extra=CHANGES_SOMETHING,
)
def reserve_units(request: HttpRequest, wanted: schemas.NewReservation) -> Any:
    """Set whole tonnes of what you hold aside for a year, under the cap and the pool: nobody overruns them."""
    owner, at = _owner(request), caller_of(request).at

    def set_aside(key: str) -> dict[str, Any] | Refusal:
        order = ReserveOrder(key, owner, wanted.year, wanted.amount_t * TONNE_MG)
        answer = file(order, jurisdiction(), at=at)
        if answer.refusal is not None:
            return answer.refusal
        return reservation_as_json(get_reservation(answer.accepted()["reservation"]))

    return once(request, "reservations", set_aside)


@router.post(
    "/reservations/{reservation}/surrender",
    operation_id="surrender_reservation",
    summary="Surrender a reservation",
    auth=signed,
    response={200: schemas.Reservation, **refusals(403, 404, 409, 429, body=True)},
    openapi_extra=CHANGES_SOMETHING,
)
def surrender_reservation(request: HttpRequest, reservation: ReservationId, nothing: schemas.Ending) -> Any:
    """Use what was reserved against the year's emissions, for good: its units are retired."""
    del nothing
    owner, at = _owner(request), caller_of(request).at

    def use(key: str) -> dict[str, Any]:
        _refuse_other(owner, reservation)
        return reservation_as_json(surrender(reservation, key=key, at=at))

    return once(request, "surrender", use)


@router.post(
    "/reservations/{reservation}/release",
    operation_id="release_reservation",
    summary="Release a reservation",
    auth=signed,
    response={200: schemas.Reservation, **refusals(403, 404, 409, 429, body=True)},
    openapi_extra=CHANGES_SOMETHING,
)
def release_reservation(request: HttpRequest, reservation: ReservationId, nothing: schemas.Ending) -> Any:
    """Give a reservation up: its units are free again, and so is its share of the cap."""
    del nothing
    owner, at = _owner(request), caller_of(request).at

    def give_up(key: str) -> dict[str, Any]:
        _refuse_other(owner, reservation)
        return reservation_as_json(release(reservation, key=key, at=at))

    return once(request, "release", give_up)


def _owner(request: HttpRequest) -> int:
    return owner_of(organisation_of(request).pk)


def _refuse_other(owner: int, number: int) -> None:
    if not Reservation.objects.filter(pk=number, company=owner).exists():
        raise UnknownReservation(number=number)
