"""What other platforms ask of this one: any question below /api/federation/, signed both ways."""

from __future__ import annotations

from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from tanpuhui.api.limits import count_failure, refuse_guessing
from tanpuhui.federation.serve import serve
from tanpuhui.federation.signature import Sent
from tanpuhui.kit.moment import utc_now

UNKNOWN = 401


@csrf_exempt
@require_http_methods(["GET", "POST"])
def federation(request: HttpRequest, name: str) -> HttpResponse:
    """Hand a request to federation as it came, and its answer back as it was signed."""
    del name
    at = utc_now()
    refuse_guessing(request, at=at)
    answered = serve(Sent(str(request.method), _url(request), dict(request.headers), request.body), at=at)
    if answered.status_code == UNKNOWN:
        count_failure(request, at=at)
    response = HttpResponse(answered.content, status=answered.status_code)
    for field, value in answered.headers.items():
        response[field] = value
    response["Cache-Control"] = "no-store"
    return response


def _url(request: HttpRequest) -> str:
    """The address as it was signed."""
    query = request.META.get("QUERY_STRING", "")
    path = quote(request.path, safe="/:@!$&'()*+,;=-._~")
    return f"{request.scheme}://{request.get_host()}{path}{'?' + query if query else ''}"
