"""Names: which nicknames and names of groups may be seen by others. Letters, digits and a few signs, in one form."""

from __future__ import annotations

import re
import unicodedata

from django.utils.translation import pgettext

from tanpuhui.community.refusals import BadGroupName, BadNickname

FEWEST, MOST = 2, 16
MOST_OF_GROUP = 40
#: Han characters, letters of Latin script, digits, and between them a space, a point, a hyphen or an underscore.
_LETTERS = r"[0-9A-Za-z\u00c0-\u024f\u3400-\u4dbf\u4e00-\u9fff]+"
_NICKNAME = re.compile(rf"{_LETTERS}(?:[ ._·-]{_LETTERS})*")
_LONG_NUMBER = re.compile(r"\d{5,}")
#: Names that speak for somebody else.
_RESERVED = (
    *("admin", "administrator", "official", "operator", "tanpuhui", "system"),
    *("管理员", "官方", "系统", "碳普惠", "客服", "政府"),
)
_ALIKE = str.maketrans("01345", "oieas")


def nickname(text: str) -> str:
    """A nickname in its one form; refuses what could speak for somebody else, be a telephone number, or hide signs."""
    name = " ".join(unicodedata.normalize("NFKC", text).split())
    if not FEWEST <= len(name) <= MOST:
        raise BadNickname(why=pgettext("fact", "it has 2 to 16 characters"))
    if not _NICKNAME.fullmatch(name):
        raise BadNickname(
            why=pgettext("fact", "only letters, digits and single signs between them are shown")
        )
    if _LONG_NUMBER.search(name):
        raise BadNickname(why=pgettext("fact", "a long number could lead to a person"))
    if any(word in folded(name) or word in fold_case(name) for word in _RESERVED):
        raise BadNickname(why=pgettext("fact", "it could be taken for the platform or an authority"))
    return name


def group_name(text: str) -> str:
    """The name of a group; only its members see it."""
    name = " ".join(unicodedata.normalize("NFKC", text).split())
    if not 1 <= len(name) <= MOST_OF_GROUP or not all(one.isprintable() for one in name):
        raise BadGroupName(most=MOST_OF_GROUP)
    return name


def folded(name: str) -> str:
    """A name as it is compared: two that look alike are one.

    >>> folded("Ming_01"), folded("MÍNG oi")
    ('mingoi', 'mingoi')
    """
    return fold_case(name).translate(_ALIKE)


def fold_case(name: str) -> str:
    """Small letters without marks and signs."""
    bare = unicodedata.normalize("NFKD", name.casefold())
    return "".join(one for one in bare if one.isalnum())
