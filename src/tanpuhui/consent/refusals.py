"""Refusals of consent: each with its code, the facts and the next step. None names a person."""

from __future__ import annotations

from tanpuhui.kit.refusal import Refusal


class UnknownResident(Refusal):
    code = "consent.unknown_resident"
    message = "There is no account {account}. 'tanpuhui account open' opens one and prints its number."


class AccountClosed(Refusal):
    code = "consent.account_closed"
    message = "Account {account} is closed, so nothing new is agreed for it. Open a new account."


class IdentityTaken(Refusal):
    code = "consent.identity_taken"
    message = (
        "This identity, verified by {issuer}, already has an account: one person, one account. "
        "Sign in to that account instead."
    )


class GuardianMissing(Refusal):
    code = "consent.guardian_missing"
    message = (
        "Account {account} belongs to someone under {age} on {day}. Their guardian must agree: "
        "name the guardian's account (PIPL article 31)."
    )


class GuardianUnfit(Refusal):
    code = "consent.guardian_unfit"
    message = "Account {guardian} cannot be a guardian: {why}. Name the open account of an adult."


class NotTheGuardian(Refusal):
    code = "consent.not_the_guardian"
    message = "Account {guardian} may not decide for account {account} on {day}: {why}. {next_step}"


class UnknownPurpose(Refusal):
    code = "consent.unknown_purpose"
    message = "There is no purpose {purpose!r}. Choose one of: {known}."


class Bundled(Refusal):
    code = "consent.bundled"
    message = (
        "{field} is {given!r}: a grant is for one purpose, one provider and one recipient. "
        "Give a separate grant for each (PIPL articles 23 and 29)."
    )


class WrongRecipient(Refusal):
    code = "consent.wrong_recipient"
    message = "Purpose {purpose} is not for recipient {recipient}: it goes to {expected}. Name that one."


class UnknownRecipient(Refusal):
    code = "consent.unknown_recipient"
    message = (
        "Recipient {recipient!r} has no name and contact here, and a person must be told both (PIPL article 23). "
        "Add [parties.{recipient}] to consent.toml in TANPUHUI_HOME, or choose one of: {known}."
    )


class Restricted(Refusal):
    code = "consent.restricted"
    message = (
        "Nothing is done with the data of account {account} for now, as was asked for. "
        "Nothing can be agreed to until that is lifted; ask the operator."
    )


class NotAssessed(Refusal):
    code = "consent.not_assessed"
    message = (
        "Purpose {purpose} has no impact assessment (PIPL articles 55 and 56), so nobody is asked to agree to it. "
        "Make the assessment and name it as pia_id in consent.toml."
    )


class NoTransferBasis(Refusal):
    code = "consent.no_transfer_basis"
    message = (
        "Recipient {recipient} processes in {region}, and nothing lets data go there (PIPL article 38). "
        "Name the assessment, certificate or standard contract as transfer_basis in consent.toml, or choose another."
    )


class KindNotNamed(Refusal):
    code = "consent.kind_not_named"
    message = "{given!r} does not name a kind of act. Name one or more, each such as metro_trip."


class BadRange(Refusal):
    code = "consent.bad_range"
    message = (
        "The acts covered would be from {from_} until {until}. Let the range end after it begins, within the years "
        "2000 to 2100."
    )


class BadTerm(Refusal):
    code = "consent.bad_term"
    message = (
        "The grant would be in force from {begins} to {expires}. Let it begin at {at} or later and end after "
        "that, at the latest at {latest}: {why}."
    )


class BadLanguage(Refusal):
    code = "consent.no_notice"
    message = "There is no notice for {purpose} in {lang!r}. Choose one of: {known}."


class AlreadyGiven(Refusal):
    code = "consent.already_given"
    message = (
        "Grant {grant} of account {account} is {state} for the same provider, recipient and purpose. "
        "Supersede it, or withdraw it first."
    )


class AskedAfterNo(Refusal):
    code = "consent.asked_after_no"
    message = (
        "Account {account} said no to this on {said_no_on} and is not asked again before {ask_from}. "
        "They may still agree by themselves at any time."
    )


class UnknownGrant(Refusal):
    code = "consent.unknown_grant"
    message = "There is no grant {grant}. 'tanpuhui grant show --account N' lists those of an account."


class CannotFollow(Refusal):
    code = "consent.cannot_follow"
    message = "Grant {grant} is {before} and cannot become {after}. {next_step}"


class BackInTime(Refusal):
    code = "consent.back_in_time"
    message = "Grant {grant} last changed at {last}, and {at} is earlier. Give the moment of now."


class RequestLapsed(Refusal):
    code = "consent.request_lapsed"
    message = "Grant {grant} was to end on {expired}, so it can no longer be agreed to. Ask again."


class UnknownGiver(Refusal):
    code = "consent.unknown_giver"
    message = "{given!r} cannot decide about a grant. Choose one of: {known}."


class ArtefactInvalid(Refusal):
    code = "consent.artefact_invalid"
    message = (
        "This artefact was not signed by this installation, or was changed ({why}). "
        "Nothing is processed under it; ask for the original."
    )


class ReceiptInvalid(Refusal):
    code = "consent.receipt_invalid"
    message = "This receipt was not signed by this installation, or was changed ({why}). Ask for a new one."


class GrantRowAltered(Refusal):
    code = "consent.grant_altered"
    message = (
        "Grant {grant} in the database is not what was signed: {field} differs. "
        "Nothing is processed under it; restore it from the backup."
    )


class OtherConsent(Refusal):
    code = "consent.other_consent"
    message = (
        "Grant {grant} is for provider {provider}, recipient {recipient} and purpose {purpose}, and the new terms "
        "are not. Give a separate grant for them."
    )
