"""People: how users are named in the console. A resident's address is not shown: who it is takes two people."""

from __future__ import annotations

from django.utils.translation import gettext as _

from tanpuhui.access.models import User


def name_of(user: User | None) -> str:
    """The address of somebody of the staff; of anybody else, a number."""
    if user is None:
        return _("the program")
    if user.is_staff:
        return user.email or str(user.pk)
    return _("user %(number)s") % {"number": str(user.pk)[:8]}
