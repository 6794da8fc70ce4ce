"""Log: what was certified, for anybody's program to follow, and for people who want to check something themselves.

Files are served as they are on the disk (C2SP tlog-tiles): tiles never change, the checkpoint changes with every round.
"""

from __future__ import annotations

import re
from pathlib import Path

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

import tanpuhui.transparency
from tanpuhui.notary.installation import folder, policy, policy_text
from tanpuhui.transparency.cosign import is_trusted
from tanpuhui.transparency.log import latest, with_cosignatures
from tanpuhui.transparency.tiles import CHECKPOINT

PLAIN = "text/plain; charset=utf-8"
#: Level and number of a tile, as C2SP tlog-tiles writes them.
TILE = re.compile("(entries|[0-9]|[1-5][0-9]|6[0-3])/(x[0-9]{3}/)*[0-9]{3}(\\.p/[1-9][0-9]{0,2})?")
FOR_EVER, FOR_A_MOMENT = "public, max-age=31536000, immutable", "public, max-age=2"


def page(request: HttpRequest) -> HttpResponse:
    """The newest checkpoint, who has seen it, and how to check a certificate without us."""
    last = latest()
    context = {
        "last": last,
        "note": with_cosignatures(last) if last else "",
        "witnesses": last.cosignatures.count() if last else 0,
        "is_trusted": last is not None and is_trusted(policy()),
    }
    return render(request, "public/log.html", context)


def checkpoint(request: HttpRequest) -> HttpResponse:
    """The newest checkpoint as it was published."""
    del request
    return _file(CHECKPOINT, PLAIN, FOR_A_MOMENT)


def tile(request: HttpRequest, name: str) -> HttpResponse:
    """A tile or a bundle of entries; nothing else has such an address."""
    del request
    if not TILE.fullmatch(name):
        raise Http404
    return _file(f"tile/{name}", "application/octet-stream", FOR_EVER)


def trust(request: HttpRequest) -> HttpResponse:
    """Which log and witnesses this installation proposes to trust; somebody else may know another."""
    del request
    return _said(policy_text().encode(), PLAIN, FOR_A_MOMENT)


def verifier(request: HttpRequest) -> HttpResponse:
    """The one file that checks certificates; its only dependency is cryptography."""
    del request
    path = Path(tanpuhui.transparency.__file__).with_name("verify_certificate.py")
    response = _said(path.read_bytes(), "text/x-python; charset=utf-8", "public, max-age=300")
    response["Content-Disposition"] = 'attachment; filename="verify_certificate.py"'
    return response


def _file(name: str, kind: str, kept: str) -> HttpResponse:
    """A file below the log's folder, as it is on the disk."""
    try:
        content = (folder() / name).read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise Http404 from None
    return _said(content, kind, kept)


def _said(content: bytes, kind: str, kept: str) -> HttpResponse:
    return HttpResponse(content, content_type=kind, headers={"Cache-Control": kept})
