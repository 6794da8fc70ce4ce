"""App: the provider's API put together: its routers, its answers to what goes wrong, its OpenAPI document."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import DisallowedHost, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema

from tanpuhui.api.limits import say_limits
from tanpuhui.api.organisation import company, merchant
from tanpuhui.api.problem import our_fault, problem
from tanpuhui.api.provider import act_tags, batches, corrections, keys, quality, sandbox, totals
from tanpuhui.api.provider.document import complete
from tanpuhui.api.refusals import BadRequest, NotFound, RequestInvalid, SignatureMissing
from tanpuhui.kit.refusal import Refusal

DESCRIPTION = """\
How a data provider sends batches of acts, sees what became of every row, corrects, retracts, and keeps its keys; how a
merchant takes redemptions, and how a company offsets. A key is of one of them, and opens its addresses alone.

Every request is signed (RFC 9421, Ed25519). Every refusal is problem+json with a stable code, the facts, and the next
step, in Chinese or English. A repeated request with the same Idempotency-Key has one effect and one answer.
"""


class ProviderAPI(NinjaAPI):
    """The provider's API; its document is completed with what types alone do not say."""

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        document = super().get_openapi_schema(**options)
        complete(document)
        return document

    def create_response(self, request: HttpRequest, *given: Any, **named: Any) -> HttpResponse:
        response = super().create_response(request, *given, **named)
        say_limits(request, response)
        response["Content-Length"] = str(len(response.content))
        response["Cache-Control"] = "no-store"
        return response


api = ProviderAPI(
    title="Tanpuhui 碳普惠: API for organisations",
    version="1.0.0",
    description=DESCRIPTION,
    docs_url=None,
    urls_namespace="provider-api",
    openapi_extra={
        "info": {"license": {"name": "As the platform's", "identifier": "LicenseRef-Tanpuhui"}},
        "tags": [
            {"name": "batches", "description": "Rows in, receipts and refused rows out."},
            {"name": "corrections", "description": "Refused rows sent again, and acts that never were."},
            {"name": "totals", "description": "How many records you say that you sent."},
            {
                "name": "act tags",
                "description": "Acts claimed once across providers, without their identifiers.",
            },
            {"name": "quality", "description": "How good the reports are."},
            {"name": "keys", "description": "The keys with which requests are signed."},
            {"name": "merchant", "description": "Redemptions taken, let go and given back; settlements."},
            {"name": "company", "description": "Holdings, the year's cap, and the way to a surrender."},
            {"name": "sandbox", "description": "Batches that are checked and not kept."},
        ],
    },
)
for router in (
    batches.router,
    corrections.router,
    totals.router,
    act_tags.router,
    quality.router,
    keys.router,
):
    api.add_router("/provider", router)
api.add_router("/sandbox", sandbox.router)
api.add_router("/merchant", merchant.router)
api.add_router("/company", company.router)


@api.exception_handler(Refusal)
def refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """Every refusal has its status."""
    response = problem(request, refusal)
    say_limits(request, response)
    return response


@api.exception_handler(ValidationError)
def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """What the document does not allow: where, and what is wrong with it; never what was sent."""
    said = [
        f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}"[:200] for each in error.errors[:10]
    ]
    return refused(request, RequestInvalid(errors="; ".join(said)))


@api.exception_handler(AuthenticationError)
def unsigned(request: HttpRequest, _error: AuthenticationError) -> HttpResponse:
    return refused(request, SignatureMissing())


@api.exception_handler(HttpError)
def unreadable(request: HttpRequest, _error: HttpError) -> HttpResponse:
    """What ninja itself refuses: JSON that cannot be read."""
    return refused(request, BadRequest())


@api.exception_handler(Http404)
def not_found(request: HttpRequest, _error: Http404) -> HttpResponse:
    return refused(request, NotFound())


def bad_request(request: HttpRequest, _error: Exception | type[Exception]) -> HttpResponse:
    return refused(request, BadRequest())


for kind in (DisallowedHost, RequestDataTooBig, SuspiciousOperation, UnreadablePostError):
    api.add_exception_handler(kind, bad_request)


@api.exception_handler(Exception)
def broken(request: HttpRequest, error: Exception) -> HttpResponse:
    """We are wrong: a note of it for whoever asks, and its trace in our log alone."""
    return our_fault(request, error)
