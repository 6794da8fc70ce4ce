"""Serials as pages: where one tonne is now, what it rests on, and where it went; who used it, and never residents."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse

from tanpuhui.kit.refusal import Refusal
from tanpuhui.offsetting.models import Certificate
from tanpuhui.quantify.jurisdiction import known_jurisdictions, load_jurisdiction
from tanpuhui.registry.history import History, history_of
from tanpuhui.registry.lookup import find
from tanpuhui.registry.models import Movement
from tanpuhui.registry.serial import written
from tanpuhui.web.public.lots import PUBLIC_STATES, company_of, notice_of, of_methodology


def one(request: HttpRequest, serial: str) -> HttpResponse:
    """One tonne."""
    history, number = _found(serial)
    lot = history.found.lot
    context = {
        **_said(history, number),
        "lot": lot,
        "annulment": history.annulment,
        "steps": [_step(movement) for movement in history.movements],
        "notice": notice_of(lot, request.LANGUAGE_CODE or ""),
        **of_methodology(lot, request),
    }
    return render(request, "public/serial.html", context)


def as_json(request: HttpRequest, serial: str) -> HttpResponse:
    """The same for programs."""
    history, number = _found(serial)
    lot = history.found.lot
    said = _said(history, number)
    company, certificate = said["company"], said["certificate"]
    body = {
        "serial": said["serial"],
        "lot": lot.code,
        "jurisdiction": lot.jurisdiction,
        "methodology": lot.methodology,
        "vintage": lot.vintage,
        "status": lot.status,
        "state": said["state"],
        "annulled": history.annulment.reason if history.annulment else None,
        "used_by": {"code": company.code, "name_zh": company.name_zh, "name_en": company.name_en}
        if company
        else None,
        "purpose": said["why"],
        "certificate": request.build_absolute_uri(reverse("certificate", args=[certificate.number]))
        if certificate
        else None,
        "history": [
            {"verb": one.verb, "at": one.made_at.isoformat(), "state": one.to_state}
            for one in history.movements
        ],
    }
    answer = JsonResponse(body, json_dumps_params={"ensure_ascii": False, "indent": 1})
    answer["Access-Control-Allow-Origin"] = "*"
    return answer


def certificate_of(movement: Movement, number: int) -> Certificate | None:
    """The certificate of the use that took a number, or of the surrender that it stands in for."""
    mine = Certificate.objects.filter(company=movement.to_owner)
    if movement.said.get("purpose") == "replacement":
        return mine.filter(reservation=int(movement.said["reservation"])).first()
    for found in mine.filter(content__ranges__contains=[{"lot": movement.lot_id}]).order_by("sequence"):
        for one in found.content["ranges"]:
            if one["lot"] == movement.lot_id and one["serial_first"] <= number <= one["serial_last"]:
                return found
    return None


def _found(serial: str) -> tuple[History, int]:
    try:
        found = find(serial)
    except Refusal:
        raise Http404 from None
    if found.serial is None:
        raise Http404
    return history_of(found), found.serial


def _said(history: History, number: int) -> dict[str, Any]:
    (block,) = history.blocks
    lot = history.found.lot
    ended = next((one for one in reversed(history.movements) if one.to_state in PUBLIC_STATES), None)
    return {
        "number": number,
        "serial": written(lot, number, number),
        "state": block.state,
        "company": company_of(ended.to_owner) if ended else None,
        "why": ended.said if ended else None,
        "place": _place(ended.said.get("jurisdiction", "")) if ended else None,
        "ended_at": ended.made_at if ended else None,
        "certificate": certificate_of(ended, number) if ended else None,
    }


def _place(code: str) -> dict[str, str] | None:
    """The names of the place in which a surrender counted."""
    return load_jurisdiction(code).title if code in known_jurisdictions() else None


def _step(movement: Movement) -> dict[str, Any]:
    return {"verb": movement.verb, "at": movement.made_at, "state": movement.to_state}
