"""Listed: each home is on the list of one programme, so that its hold-out is drawn once and not until it suits."""

from __future__ import annotations

import hmac
import unicodedata
from collections.abc import Iterable

from django.db import connection

from tanpuhui.kit.home import secret_key
from tanpuhui.programme.models import ListedHome, Programme
from tanpuhui.programme.refusals import HomesListedBefore

_AT_ONCE = 10_000


def keep_list(programme: Programme, homes: Iterable[str]) -> None:
    """Write down which homes (pseudonyms) are on a list, by keyed digest; refuses homes that are on another's.

    A programme has no end: its last window goes on, so a home of it is never free for another draw.
    """
    digests = sorted({digest(home) for home in homes})
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('homes on lists', 7))")
        cursor.execute("SELECT count(*) FROM programme_listedhome WHERE digest = ANY(%s::bytea[])", [digests])
        [before] = cursor.fetchone()
    if before:
        raise HomesListedBefore(count=before)
    rows = [ListedHome(digest=one, programme=programme) for one in digests]
    ListedHome.objects.bulk_create(rows, batch_size=_AT_ONCE)


def digest(home: str) -> bytes:
    """HMAC-SHA-256 of a pseudonym however its letters are typed, under the installation's key for lists, the same for
    all programmes."""
    same = unicodedata.normalize("NFKC", home).strip().casefold()
    return hmac.digest(secret_key("listed-homes"), same.encode(), "sha256")
