"""Refusals of access: each with its code, the facts and the next step. None names a person."""

from __future__ import annotations

from tanpuhui.kit.refusal import Refusal


class AlreadyHolder(Refusal):
    code = "access.already_holder"
    message = "You have an account already, and one person has one account. Go to your home page."


class AccountTaken(Refusal):
    code = "access.account_taken"
    message = "Account {account} belongs to another user. Open an account of your own."


class UnknownOrganisation(Refusal):
    code = "access.unknown_organisation"
    message = "There is no organisation {code}. Check how it is spelled."


class OrganisationTaken(Refusal):
    code = "access.organisation_taken"
    message = "There is an organisation {code} already, and it differs. Choose another code."


class BadOrganisation(Refusal):
    code = "access.bad_organisation"
    message = "{field} is {given!r}. {next_step}"


class AlreadyMember(Refusal):
    code = "access.already_member"
    message = "This user is {role} of {organisation} already. End that membership first."


class RoleOfOperators(Refusal):
    code = "access.role_of_operators"
    message = (
        "{organisation} is not an operator, and only an operator has the role {role}. Choose another role."
    )


class NotAMember(Refusal):
    code = "access.not_a_member"
    message = "This user is not a member of {organisation}. Choose a present member."


class LastAdministrator(Refusal):
    code = "access.last_administrator"
    message = "{organisation} would have no administrator left. Make somebody else administrator first."


class ReasonMissing(Refusal):
    code = "access.reason_missing"
    message = "Say why, in a few words: the reason is kept with the record."


class UnknownApproval(Refusal):
    code = "access.unknown_approval"
    message = "There is no such approval. Look at the list of approvals."


class SamePerson(Refusal):
    code = "access.same_person"
    message = "You asked for this yourself, and a second person must decide. Ask a colleague."


class AlreadyDecided(Refusal):
    code = "access.already_decided"
    message = "This was decided on {decided_at}: {decision}. Ask again if it is still needed."


class ApprovalLapsed(Refusal):
    code = "access.approval_lapsed"
    message = "This approval ended on {expired_at}. Ask again."


class NotApproved(Refusal):
    code = "access.not_approved"
    message = "No second person has agreed to exactly this. Ask for approval, and let a colleague decide."


class AlreadyUsed(Refusal):
    code = "access.already_used"
    message = "This approval was used on {used_at}, and it is good for once. Ask again."


class BadToken(Refusal):
    code = "access.bad_token"
    message = "This token is not known, has expired or was revoked. Issue a new one and use that."


class BadTokenTerm(Refusal):
    code = "access.bad_token_term"
    message = (
        "A token lasts from 1 to {most_days} days, and {days} were asked for. Choose a number in between."
    )


class UnknownToken(Refusal):
    code = "access.unknown_token"
    message = "There is no such token among yours. Look at the list of your tokens."


class AlreadyInvited(Refusal):
    code = "access.already_invited"
    message = (
        "This address has an invitation that is still open. Take it back first, or wait until it is used."
    )


class InvitedIsMember(Refusal):
    code = "access.already_a_member"
    message = "Somebody with this address is a member already. Change their role in the list instead."


class UnknownInvitation(Refusal):
    code = "access.unknown_invitation"
    message = (
        "This invitation is not known, has ended or was taken back. Ask whoever invited you for a new one."
    )


class InvitedElsewhere(Refusal):
    code = "access.invited_elsewhere"
    message = "This invitation was sent to another e-mail address. Sign in with that address, then open the link again."
