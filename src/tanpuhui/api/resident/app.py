"""App: the resident's API put together: its operations, its answers to what goes wrong, its OpenAPI document."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import DisallowedHost, RequestDataTooBig, SuspiciousOperation
from django.db import connection, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from ninja import NinjaAPI, Query, Status
from ninja.errors import AuthenticationError, HttpError, ValidationError

from tanpuhui.access.audit import record as write_down
from tanpuhui.api.limits import RETRY_AFTER, limit_fields, say_limits
from tanpuhui.api.resident import acts as say
from tanpuhui.api.resident import schemas
from tanpuhui.api.resident.balance import said
from tanpuhui.api.resident.bearer import Bearer, caller
from tanpuhui.api.resident.problem import our_fault, problem
from tanpuhui.api.resident.refusals import NotFound, RequestInvalid, TokenMissing
from tanpuhui.close.acts import act_of
from tanpuhui.close.installation import places
from tanpuhui.close.methodology_then import find_methodology
from tanpuhui.close.summary import summary as summary_of
from tanpuhui.close.trace import trace
from tanpuhui.consent.show import describe, grants_of
from tanpuhui.integrity.appeal import Against, appeal
from tanpuhui.integrity.look import Seen, appeals_of
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.ledger.movements import holdings
from tanpuhui.money.account import money_of, resident_money_account
from tanpuhui.money.amounts import to_text
from tanpuhui.pooling.join import Membership, membership
from tanpuhui.pooling.mine import shares_of
from tanpuhui.pooling.models import Pool
from tanpuhui.pooling.pool import pools as every_pool
from tanpuhui.pooling.report import pool_as_json
from tanpuhui.registry.balance_statement import balance_statement

DESCRIPTION = """\
A person's own account, for a mini-program or an app. A token is made on the pages (Settings, programs that read your
account), is shown once, and goes with every request as `Authorization: Bearer tph_…`. It says what it may do.

Amounts are whole milligrams of CO2 equivalent. Every refusal is problem+json with a stable code, the facts, and the
next step, in Chinese or English (`Accept-Language`). A token may ask so often a minute as `RateLimit-Policy` says;
`RateLimit` says what is left.
"""

#: Nothing was ever credited before.
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


def refusals(*statuses: int) -> dict[Any, Any]:
    """The problems that an operation may answer."""
    return dict.fromkeys((401, 403, *statuses, 429, 500), schemas.Problem)


class ResidentAPI(NinjaAPI):
    """The resident's API: nothing of it is kept by anybody on the way, and problems have their own media type."""

    def create_response(self, request: HttpRequest, *given: Any, **named: Any) -> HttpResponse:
        response = super().create_response(request, *given, **named)
        response["Cache-Control"] = "no-store"
        say_limits(request, response)
        return response

    def get_openapi_schema(self, **options: Any) -> Any:
        document = super().get_openapi_schema(**options)
        for path in document["paths"].values():
            for operation in path.values():
                for status, answer in operation["responses"].items():
                    if int(status) < 400:
                        answer["headers"] = limit_fields("token")
                    if int(status) == 429:
                        answer["headers"] = deepcopy(RETRY_AFTER)
                    if int(status) >= 400 and "content" in answer:
                        answer["content"] = {
                            "application/problem+json": answer["content"]["application/json"]
                        }
        return document


api = ResidentAPI(
    title="Tanpuhui 碳普惠: resident API",
    version="1.0.0",
    description=DESCRIPTION,
    docs_url=None,
    urls_namespace="api_resident",
)


@api.get(
    "/me/summary", auth=Bearer("balance"), response={200: schemas.Summary, **refusals()}, url_name="summary"
)
def summary(request: HttpRequest) -> Any:
    """What was credited today, this month and this year, what became of it, and where it came from."""
    now = utc_now()
    account = caller(request).account
    found = summary_of(account, at=now, today=timezone.localdate(now))
    kinds = {credit.methodology: find_methodology(credit.methodology) for credit in found.credits}
    return {
        "account": account,
        "today": found.today,
        "today_mg": found.day_mg,
        "month_mg": found.month_mg,
        "year_mg": found.year_mg,
        "last_day": found.last_day,
        "last_day_mg": found.last_day_mg,
        **vars(found.holdings),
        "points": 0,
        "statuses": found.statuses(),
        "months": [
            {
                "month": f"{month:%Y-%m}",
                "methodology": key,
                "kind": methodology.kind if (methodology := kinds[key]) else "",
                "credited_mg": amount,
            }
            for month, sums in found.by_month().items()
            for key, amount in sorted(sums.items())
        ],
    }


@api.get(
    "/balance", auth=Bearer("balance"), response={200: schemas.Balance, **refusals()}, url_name="balance"
)
def balance(request: HttpRequest) -> Any:
    """What the account has now. Made to be asked often."""
    account = caller(request).account
    found = holdings(connection, account)
    amounts = (found.pending_mg, found.certified_mg, found.retired_mg, found.owed_mg, 0)
    return said(account, amounts, utc_now())


@api.get("/acts", auth=Bearer("acts"), response={200: schemas.Acts, **refusals(422)}, url_name="acts")
def acts(request: HttpRequest, wanted: Query[schemas.ActsWanted]) -> Any:
    """The acts of some days, newest first. Go on with `before` from `earlier` until that is null."""
    return say.page(
        caller(request).account,
        before=wanted.before,
        month=wanted.month,
        kind=wanted.kind,
        outcome=wanted.outcome,
    )


@api.get(
    "/acts/{record}", auth=Bearer("acts"), response={200: schemas.Act, **refusals(404, 422)}, url_name="act"
)
def act(request: HttpRequest, record: str) -> Any:
    """One act; another person's is answered as if there were none."""
    return say.act_said(act_of(caller(request).account, _record(record), places()))


@api.get(
    "/acts/{record}/trace",
    auth=Bearer("acts"),
    response={200: schemas.Trace, **refusals(404, 422)},
    url_name="trace",
)
def act_trace(request: HttpRequest, record: str) -> Any:
    """How an act came to its milligrams: formula, factors with their sources, grant, close and lots."""
    return say.trace_said(trace(act_of(caller(request).account, _record(record), places()), places()))


@api.get(
    "/statement",
    auth=Bearer("statement"),
    response={200: schemas.Statement, **refusals(422)},
    url_name="statement",
)
def statement(request: HttpRequest, wanted: Query[schemas.StatementWanted]) -> Any:
    """The account by methodology, vintage and lot. The same moment always gives the same statement."""
    now = utc_now()
    moment = min(max(wanted.at, BEGINNING), now) if wanted.at else now
    return balance_statement(caller(request).account, at=moment).as_json()


@api.get(
    "/grants", auth=Bearer("grants"), response={200: list[schemas.Grant], **refusals()}, url_name="grants"
)
def grants(request: HttpRequest) -> Any:
    """Which sources may report, for what, since when; oldest first. They are given and withdrawn on the pages."""
    now = utc_now()
    return [describe(grant, at=now) for grant in grants_of(caller(request).account)]


@api.get(
    "/appeals", auth=Bearer("appeals"), response={200: list[schemas.Appeal], **refusals()}, url_name="appeals"
)
def appeals(request: HttpRequest) -> Any:
    """Every appeal with its answer, newest first."""
    return [_appeal_said(one) for one in appeals_of(caller(request).account)]


@api.post(
    "/appeals",
    auth=Bearer("appeals"),
    response={201: schemas.Appeal, **refusals(404, 409, 422)},
    url_name="appeals",
)
def file_appeal(request: HttpRequest, given: schemas.NewAppeal) -> Any:
    """Ask that the end of an act be looked at again. One appeal against each act is open at a time."""
    who = caller(request)
    found = act_of(who.account, _record(given.record), places())
    against = Against(found.account, found.record_id, found.day, found.outcome.name, found.manifest)
    now = utc_now()
    with transaction.atomic():
        made = appeal(against, given.words, at=now)
        write_down(
            "appeal",
            who=who.user,
            at=now,
            object_kind="appeal",
            object_key=made.pk,
            facts={"record": found.record_id, "outcome": found.outcome.name, "by": "api"},
        )
    (seen,) = [one for one in appeals_of(who.account, found.record_id) if one.id == made.pk]
    return Status(201, _appeal_said(seen))


@api.get("/pools", auth=Bearer("pools"), response={200: schemas.Pools, **refusals()}, url_name="pools")
def pools(request: HttpRequest) -> Any:
    """Terms in each pool, what was lent, who bought it and used it for what, and money. Changed on the pages alone."""
    account, now = caller(request).account, utc_now()
    return {
        "pools": [_pool_said(pool, membership(account, pool, at=now)) for pool in every_pool()],
        "shares": [share.as_json() for share in shares_of(account)],
        "money": [one.as_json() for one in money_of(resident_money_account(account))],
    }


def _pool_said(pool: Pool, present: Membership | None) -> dict[str, Any]:
    terms = present.terms if present else None
    return {
        **pool_as_json(pool),
        "takes_part": present is not None and present.takes_part,
        "grant": present.consent.grant.pk if present else None,
        "min_price_per_tonne": to_text(terms.min_price_minor, pool.currency) if terms else None,
        "vintages": terms.vintages if terms else None,
    }


def _record(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 19 else 0


def _appeal_said(one: Seen) -> dict[str, Any]:
    kept = {name: getattr(one, name) for name in schemas.Appeal.model_fields if name != "record"}
    return kept | {"record": str(one.record_id)}


@api.exception_handler(Refusal)
def refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """Every refusal has its status."""
    response = problem(refusal)
    say_limits(request, response)
    return response


@api.exception_handler(ValidationError)
def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """What the document does not allow: where, and what is wrong with it; never what was sent."""
    said_of = [
        f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}"[:200] for each in error.errors[:10]
    ]
    return refused(request, RequestInvalid(errors="; ".join(said_of)))


@api.exception_handler(AuthenticationError)
def without_token(request: HttpRequest, _error: AuthenticationError) -> HttpResponse:
    return refused(request, TokenMissing())


@api.exception_handler(Http404)
def not_found(request: HttpRequest, _error: Http404) -> HttpResponse:
    return refused(request, NotFound())


def unreadable(request: HttpRequest, _error: Exception | type[Exception]) -> HttpResponse:
    """What cannot be read at all: JSON that is none, a body that is too large."""
    return refused(request, RequestInvalid(errors="it cannot be read"))


for kind_of_error in (HttpError, DisallowedHost, RequestDataTooBig, SuspiciousOperation):
    api.add_exception_handler(kind_of_error, unreadable)


@api.exception_handler(Exception)
def broken(request: HttpRequest, error: Exception) -> HttpResponse:
    """We are wrong: a note of it for whoever asks, and its trace in our log alone."""
    return our_fault(request, error)
