"""Organise: register an organisation. Its kind and code stay as they are; its names may change."""

from __future__ import annotations

import re
from datetime import datetime

from django.db import IntegrityError, transaction

from tanpuhui.access.models import Organisation
from tanpuhui.access.refusals import BadOrganisation, OrganisationTaken, UnknownOrganisation

_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}\Z")


def organise(kind: str, code: str, *, name_zh: str, name_en: str, at: datetime) -> Organisation:
    """Register an organisation. The same again is answered as before; another kind or name under a code is refused."""
    _refuse_bad(kind, code, name_zh, name_en)
    try:
        with transaction.atomic():
            return Organisation.objects.create(
                kind=kind, code=code, name_zh=name_zh, name_en=name_en, made_at=at
            )
    except IntegrityError:
        known = get_organisation(code)
        if (known.kind, known.name_zh, known.name_en) != (kind, name_zh, name_en):
            raise OrganisationTaken(code=code) from None
        return known


def get_organisation(code: str) -> Organisation:
    """The organisation with this code."""
    known = Organisation.objects.filter(code=code).first()
    if known is None:
        raise UnknownOrganisation(code=code)
    return known


def _refuse_bad(kind: str, code: str, name_zh: str, name_en: str) -> None:
    kinds = [value for value, _ in Organisation.KINDS]
    if kind not in kinds:
        raise BadOrganisation(field="kind", given=kind, next_step=f"Choose one of: {', '.join(kinds)}.")
    if not _CODE.match(code):
        raise BadOrganisation(
            field="code", given=code, next_step="Use 1 to 60 small letters, digits, - and _."
        )
    for field, given in (("name_zh", name_zh), ("name_en", name_en)):
        if not given.strip() or len(given) > 120:
            raise BadOrganisation(field=field, given=given, next_step="Give 1 to 120 characters.")
