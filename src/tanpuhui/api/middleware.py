"""Middleware: whatever happens below /api/, the answer is ours: problem+json, and header fields of bounded size."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse

from tanpuhui.api.problem import MEDIA_TYPE, our_fault, problem
from tanpuhui.api.refusals import BadRequest, HeadersTooLarge, MethodNotAllowed, NotEncrypted, NotFound
from tanpuhui.kit.refusal import Refusal

PREFIX = "/api/"
MOST_FIELDS = 64
MOST_FIELD_BYTES = 16 * 1024

#: What Django answers itself, with 404, 403 or 400; its answer becomes a problem on the way out.
_DJANGOS_OWN = (Http404, PermissionDenied, SuspiciousOperation)

_LEADING_ELSEWHERE = (301, 302, 303, 307, 308)

Answer = Callable[[HttpRequest], HttpResponse]


class Problems:
    """Answers of Django's own below /api/ (404, 405, 400) become problem+json; so does what nobody caught."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(PREFIX):
            return self.get_response(request)
        if settings.SECURE_SSL_REDIRECT and not request.is_secure():
            return problem(request, NotEncrypted())
        if _too_large(request):
            return problem(request, HeadersTooLarge(fields=MOST_FIELDS, bytes=MOST_FIELD_BYTES))
        response = self.get_response(request)
        if response.status_code in _LEADING_ELSEWHERE:
            # For people: an address that lacks its last slash. A program would send what it signed somewhere else.
            return problem(request, NotFound())
        if response.status_code < 400 or response.get("Content-Type") == MEDIA_TYPE:
            return response
        if "Signature" in response:
            # Signed for another platform: whatever it says, it stays as it was signed.
            return response
        answer = problem(request, _refusal(request, response))
        if "Allow" in response:
            answer["Allow"] = response["Allow"]
        return answer

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Only what no API's own handler has seen comes here."""
        if not request.path_info.startswith(PREFIX) or isinstance(error, _DJANGOS_OWN):
            return None
        return problem(request, error) if isinstance(error, Refusal) else our_fault(request, error)


def _too_large(request: HttpRequest) -> bool:
    fields = [(name, value) for name, value in request.META.items() if name.startswith("HTTP_")]
    size_bytes = sum(len(name) + len(str(value)) for name, value in fields)
    return len(fields) > MOST_FIELDS or size_bytes > MOST_FIELD_BYTES


def _refusal(request: HttpRequest, response: HttpResponse) -> Refusal:
    if response.status_code == 404:
        return NotFound()
    if response.status_code == 405:
        return MethodNotAllowed(method=request.method, allowed=response.get("Allow", ""))
    return BadRequest()
