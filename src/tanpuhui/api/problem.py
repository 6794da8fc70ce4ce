"""Problem: every refusal as problem+json (RFC 9457), in the caller's language, and never a stack trace."""

from __future__ import annotations

import json
import logging
import secrets
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from tanpuhui.api.language import CHINESE, is_for_callers, language_of, message_in
from tanpuhui.api.refusals import NoRoom, OurFault, status_of
from tanpuhui.kit.files import DiskFull
from tanpuhui.kit.refusal import Refusal

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:tanpuhui:problem:"

#: Seconds after which a request that was refused for now may be sent again, where the refusal does not say.
RETRY_AFTER_S = {"api.still_in_flight": 2}

_log = logging.getLogger("tanpuhui.api")

TITLES_ZH = {
    400: "请求无法处理",
    401: "签名无效",
    403: "不允许",
    404: "未找到",
    405: "方法不允许",
    409: "与现状冲突",
    411: "缺少内容长度",
    413: "内容过大",
    415: "内容类型不支持",
    422: "内容被拒绝",
    429: "请求过多",
    431: "请求头过大",
    500: "平台故障",
    503: "暂时无法服务",
}


def problem(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """The answer to a request that is refused. What a caller can do nothing about is our fault, and says no more."""
    if isinstance(refusal, DiskFull):
        refusal = NoRoom(retry_after_s=60)
    if not is_for_callers(refusal.code):
        return our_fault(request, refusal)
    status, language = status_of(refusal.code), language_of(request)
    kept = refusal.as_json()
    content = {
        "type": TYPE + refusal.code,
        "title": TITLES_ZH[status] if language == CHINESE else HTTPStatus(status).phrase,
        "status": status,
        "detail": message_in(language, refusal),
        "code": refusal.code,
        "facts": kept["facts"],
    }
    response = HttpResponse(json.dumps(content, ensure_ascii=False), content_type=MEDIA_TYPE, status=status)
    response["Content-Length"] = str(len(response.content))
    response["Content-Language"] = language
    response["Vary"] = "Accept-Language"
    response["Cache-Control"] = "no-store"
    retry_after_s = refusal.facts.get("retry_after_s", RETRY_AFTER_S.get(refusal.code))
    if retry_after_s is not None:
        response["Retry-After"] = str(retry_after_s)
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = 'Signature realm="tanpuhui-provider"'
    return response


def our_fault(request: HttpRequest, error: BaseException) -> HttpResponse:
    """The answer where we are wrong: a note to ask about; the trace is in the log alone."""
    note = secrets.token_hex(6)
    route = request.resolver_match.route if request.resolver_match else "-"
    _log.error("note %s: %s /%s", note, request.method, route, exc_info=error)
    return problem(request, OurFault(note=note))
