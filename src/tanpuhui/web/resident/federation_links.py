"""Links: join one's account here with one's account on another platform, and part them again.

In the city a link begins and ends up; in the district its resident is asked. The browser goes from one platform to the
other by a link that is followed, never by a form, so that forms stay with the platform that they are of.
"""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import parse_qsl

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from tanpuhui.access.audit import record as write_down
from tanpuhui.federation.link import Wish, agree, begin, decline, finish, links_of, revoke, wish_of
from tanpuhui.federation.models import Link, Peer
from tanpuhui.federation.peer import enabled_peers
from tanpuhui.federation.refusals import BadLink
from tanpuhui.federation.transport import over_http
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.web.shared.access import ResidentRequest, resident_page
from tanpuhui.web.shared.forms import FormPage
from tanpuhui.web.shared.refused import text_of
from tanpuhui.web.shared.request_id import current

STATE = "federation_link_state"


def name_of(peer: Peer) -> str:
    """A platform's name in the reader's language."""
    return peer.name_zh if (get_language() or "").startswith("zh") else peer.name_en


@require_GET
@resident_page
def links(request: HttpRequest) -> HttpResponse:
    """One's links, and the platforms with which one could be made."""
    account = cast(ResidentRequest, request).account
    found = links_of(account)
    standing = {link.peer_id for link in found if not _is_over(link)}
    rows = [
        {
            "link": link,
            "name": name_of(link.peer),
            "is_over": _is_over(link),
            "by_peer": _is_over(link) and link.end.by_peer,
        }
        for link in found
    ]
    districts = [(peer, name_of(peer)) for peer in enabled_peers(Peer.DISTRICT) if peer.pk not in standing]
    cities = [name_of(peer) for peer in enabled_peers(Peer.CITY) if peer.pk not in standing]
    return render(request, "resident/links.html", {"rows": rows, "districts": districts, "cities": cities})


@require_POST
@resident_page
def begin_link(request: HttpRequest, peer: str) -> HttpResponse:
    """In the city: make a state for this browser, and show the way to the district."""
    resident = cast(ResidentRequest, request)
    with transaction.atomic():
        address, state = begin(peer, resident.account, at=utc_now())
    request.session[STATE] = state
    found = Peer.objects.get(code=peer)
    return render(
        request, "resident/link_way.html", {"address": address, "name": name_of(found), "begins": True}
    )


@require_GET
@resident_page
def link_return(request: HttpRequest) -> HttpResponse:
    """In the city: the browser is back. The state must be the one that this browser was given."""
    resident = cast(ResidentRequest, request)
    kept, given = request.session.pop(STATE, None), request.GET.get("state", "")
    if kept is None or kept != given:
        raise BadLink(field="state")
    if "code" not in request.GET:
        messages.info(request, _("Nothing was linked: you did not agree on the other platform."))
        return redirect("resident:links")
    now = utc_now()
    try:
        made = finish(resident.account, state=given, code=request.GET["code"], transport=over_http, at=now)
    except Refusal as refusal:
        messages.error(request, text_of(refusal))
        return redirect("resident:links")
    _note("link_account", resident, made, now)
    messages.success(request, _("Your two accounts are linked."))
    return redirect("resident:links")


@method_decorator(resident_page, name="dispatch")
class AuthorizePage(FormPage):
    """In the district: what the city asks for, and the answer of whose account it is."""

    form_class = forms.Form
    template_name = "resident/link_authorize.html"

    def wish(self) -> Wish:
        return wish_of(dict(parse_qsl(self.request.META.get("QUERY_STRING", ""))))

    def get_context_data(self, **given: Any) -> dict[str, Any]:
        wish = self.wish()
        name = name_of(wish.peer)
        return {**super().get_context_data(**given), "name": name, "notice": notice(name)}

    def do(self, form: Any) -> HttpResponseBase:
        del form
        resident, wish, now = cast(ResidentRequest, self.request), self.wish(), utc_now()
        if "agree" not in resident.POST:
            return self._way(decline(wish), wish, agreed=False)
        shown = {"language": get_language() or "", "text": notice(name_of(wish.peer))}
        address = agree(wish, resident.account, notice=shown, at=now)
        write_down(
            "agree_to_link",
            who=resident.user,
            at=now,
            object_kind="account",
            object_key=resident.account,
            facts={"peer": wish.peer.code},
            request_id=current(),
        )
        return self._way(address, wish, agreed=True)

    def _way(self, address: str, wish: Wish, *, agreed: bool) -> HttpResponse:
        context = {"address": address, "name": name_of(wish.peer), "begins": False, "agreed": agreed}
        return render(self.request, "resident/link_way.html", context)


authorize = AuthorizePage.as_view()


@require_POST
@resident_page
def end_link(request: HttpRequest, link: int) -> HttpResponse:
    """End a link of one's own; the other platform is told with the next message."""
    resident, now = cast(ResidentRequest, request), utc_now()
    with transaction.atomic():
        found = revoke(resident.account, link, at=now)
        _note("end_link", resident, found, now)
    messages.success(request, _("The link is over. The other platform is told."))
    return redirect("resident:links")


def notice(name: str) -> str:
    """What somebody agrees with, word for word as it is shown."""
    return _(
        "%(name)s will know that your account there and your account here belong to the same person, under a pseudonym "
        "that only the two platforms have. Your acts, your name and the number of your account stay here. "
        "You can end it on either platform at any time."
    ) % {"name": name}


def _is_over(link: Link) -> bool:
    return hasattr(link, "end")


def _note(verb: str, resident: ResidentRequest, link: Link, at: Any) -> None:
    write_down(
        verb,
        who=resident.user,
        at=at,
        object_kind="account",
        object_key=resident.account,
        facts={"peer": link.peer.code, "link": link.pk},
        request_id=current(),
    )
