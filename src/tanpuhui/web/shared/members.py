"""Members: who acts for an organisation, in which role; the same pages for every kind of organisation.

An audience adds them with ``*members.addresses(Organisation.BANK)`` in its ``urls.py`` and a tab in its frame.
"""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.mail import send_mail
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from tanpuhui.access.audit import record
from tanpuhui.access.invite import find_invitation, invite, take_back, take_up
from tanpuhui.access.membership import change_role, leave
from tanpuhui.access.models import Invitation, Membership, Organisation, User
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.web.shared.access import MemberRequest, organisation_page, own_or_404
from tanpuhui.web.shared.homes import home_address
from tanpuhui.web.shared.refused import status_of, text_of
from tanpuhui.web.shared.request_id import current

#: A counter is an operator's, whose members are the console's affair.
ROLES = [(value, name) for value, name in Membership.ROLES if value not in Membership.ONLY_WHERE_NAMED]


class InviteForm(forms.Form):
    """Whom to ask, and for which role."""

    email = forms.EmailField(
        label=gettext_lazy("E-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    role = forms.ChoiceField(
        label=gettext_lazy("Role"),
        choices=ROLES,
        initial=Membership.MEMBER,
        help_text=gettext_lazy(
            "An administrator also manages members; a member does the work; an auditor looks and changes nothing."
        ),
    )


class RoleForm(forms.Form):
    """A member's role from now on."""

    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=ROLES)


def addresses(kind: str) -> list[URLPattern]:
    """The addresses of members for one kind of organisation; only its administrators change anything."""
    anybody, administrator = organisation_page(kind), organisation_page(kind, Membership.ADMIN)
    return [
        path("<slug:organisation>/members/", anybody(members), name="members"),
        path("<slug:organisation>/members/invite/", administrator(send_invitation), name="invite"),
        path("<slug:organisation>/members/<int:member>/role/", administrator(role), name="role"),
        path(
            "<slug:organisation>/members/<int:member>/end/",
            administrator(require_POST(end)),
            name="end_membership",
        ),
        path(
            "<slug:organisation>/invitations/<uuid:invitation>/end/",
            administrator(require_POST(end_invitation)),
            name="end_invitation",
        ),
    ]


def members(request: HttpRequest) -> HttpResponse:
    """Everybody who acts for this organisation, and who is asked to."""
    organisation = cast(MemberRequest, request).organisation
    return render(request, "shared/members.html", {"frame": frame_of(organisation), **_lists(organisation)})


def send_invitation(request: HttpRequest) -> HttpResponseBase:
    """Ask somebody by e-mail; the form as typed where it is refused."""
    mine = cast(MemberRequest, request)
    form = InviteForm(request.POST if request.method == "POST" else None)
    status = 200
    if form.is_bound and form.is_valid():
        try:
            _invite(mine, form.cleaned_data["email"], form.cleaned_data["role"])
        except Refusal as refusal:
            form.add_error(None, text_of(refusal))
            status = status_of(refusal)
        else:
            messages.success(request, _("The invitation is on its way; its link is good for seven days."))
            return redirect(f"{mine.organisation.kind}:members", organisation=mine.organisation.code)
    elif form.is_bound:
        status = 422
    context = {"frame": frame_of(mine.organisation), "form": form}
    return render(request, "shared/invite.html", context, status=status)


def role(request: HttpRequest, member: int) -> HttpResponseBase:
    """Change somebody's role; the last administrator stays one."""
    mine = cast(MemberRequest, request)
    membership = _present(mine.organisation, member)
    form = RoleForm(request.POST or None, initial={"role": membership.role})
    status = 200
    if form.is_bound and form.is_valid():
        try:
            _change(mine, membership, form.cleaned_data["role"])
        except Refusal as refusal:
            form.add_error(None, text_of(refusal))
            status = status_of(refusal)
        else:
            messages.success(request, _("The role was changed."))
            return _back(mine, membership)
    elif form.is_bound:
        status = 422
    context = {"frame": frame_of(mine.organisation), "form": form, "membership": membership}
    return render(request, "shared/role.html", context, status=status)


def end(request: HttpRequest, member: int) -> HttpResponseBase:
    """End a membership at once."""
    mine = cast(MemberRequest, request)
    membership = _present(mine.organisation, member)
    with transaction.atomic():
        leave(membership.user, mine.organisation, at=utc_now())
        _note(mine, "end_membership", membership.user, {"role": membership.role})
    messages.success(request, _("The membership has ended."))
    return _back(mine, membership)


def end_invitation(request: HttpRequest, invitation: UUID) -> HttpResponseBase:
    """Take an invitation back: its link leads nowhere from now on."""
    mine = cast(MemberRequest, request)
    with transaction.atomic():
        known = take_back(invitation, of=mine.organisation, at=utc_now())
        record(
            "take_back_invitation",
            who=mine.user,
            at=utc_now(),
            organisation=mine.organisation,
            object_kind="invitation",
            object_key=known.pk,
            request_id=current(),
        )
    messages.success(request, _("The invitation was taken back."))
    return redirect(f"{mine.organisation.kind}:members", organisation=mine.organisation.code)


@login_required
def invitation(request: HttpRequest, secret: str) -> HttpResponseBase:
    """Somebody who was asked says yes, signed in with the address that was asked."""
    assert isinstance(request.user, User)
    if request.method != "POST":
        return render(
            request, "shared/invitation.html", {"invitation": find_invitation(secret, at=utc_now())}
        )
    with transaction.atomic():
        membership = take_up(secret, by=request.user, at=utc_now())
        record(
            "take_up_invitation",
            who=request.user,
            at=utc_now(),
            organisation=membership.organisation,
            object_kind="user",
            object_key=request.user.pk,
            facts={"role": membership.role},
            request_id=current(),
        )
    return redirect(home_address(membership))


def frame_of(organisation: Organisation) -> str:
    """The template that the pages of this organisation's audience are made from."""
    return f"{organisation.kind}/frame.html"


def _lists(organisation: Organisation) -> dict[str, Any]:
    present = Membership.objects.filter(organisation=organisation, ended_at__isnull=True)
    asked = Invitation.objects.filter(
        organisation=organisation, ended_at__isnull=True, expires_at__gt=utc_now()
    )
    return {
        "members": present.select_related("user").order_by("since", "pk"),
        "invitations": asked.order_by("invited_at"),
    }


def _present(organisation: Organisation, member: int) -> Membership:
    found = Membership.objects.filter(organisation=organisation, ended_at__isnull=True).select_related("user")
    return own_or_404(found, pk=member)


def _invite(mine: MemberRequest, email: str, role_: str) -> None:
    """The message goes out with the transaction, so that no link leads to an invitation that is not there."""
    with transaction.atomic():
        secret, row = invite(mine.organisation, email, role_, by=mine.user, at=utc_now())
        record(
            "invite",
            who=mine.user,
            at=utc_now(),
            organisation=mine.organisation,
            object_kind="invitation",
            object_key=row.pk,
            facts={"role": role_},
            request_id=current(),
        )
        address = mine.build_absolute_uri(reverse("invitation", kwargs={"secret": secret}))
        context = {"organisation": mine.organisation, "invitation": row, "address": address}
        subject = render_to_string("shared/email/invitation_subject.txt", context).strip()
        text = render_to_string("shared/email/invitation_message.txt", context)
        transaction.on_commit(lambda: _send(subject, text, row.email))


def _send(subject: str, text: str, to: str) -> None:
    send_mail(subject, text, None, [to])


def _change(mine: MemberRequest, membership: Membership, role_: str) -> None:
    with transaction.atomic():
        change_role(membership.user, mine.organisation, role_, at=utc_now())
        _note(mine, "change_role", membership.user, {"from": membership.role, "to": role_})


def _note(mine: MemberRequest, verb: str, user: User, facts: dict[str, str]) -> None:
    record(
        verb,
        who=mine.user,
        at=utc_now(),
        organisation=mine.organisation,
        object_kind="user",
        object_key=user.pk,
        facts=facts,
        request_id=current(),
    )


def _back(mine: MemberRequest, membership: Membership) -> HttpResponseBase:
    """To the list; somebody who has just left, or is no administrator any more, to where they still may be."""
    if membership.user_id == mine.user.pk:
        return redirect("home_of_user")
    return redirect(f"{mine.organisation.kind}:members", organisation=mine.organisation.code)
