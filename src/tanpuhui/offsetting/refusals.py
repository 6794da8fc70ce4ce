"""Refusals of offsetting: each with its code, the facts and the next step."""

from __future__ import annotations

from tanpuhui.kit.refusal import Refusal


class NoRule(Refusal):
    code = "offsetting.no_rule"
    message = (
        "{jurisdiction} has no rule on how much may be offset in {year}. It has one for: {years}. "
        "Choose such a year, or add the rule with its source to jurisdictions/{jurisdiction}.toml."
    )
    on_page = (
        "{jurisdiction} has no rule on how much may be offset in {year}. It has one for: {years}. Choose "
        "such a year, or ask the operator."
    )


class BadYear(Refusal):
    code = "offsetting.bad_year"
    message = "{given} is not a compliance year. Give one from 2000 to 2999."


class AmountMissing(Refusal):
    code = "offsetting.amount_missing"
    message = "In {jurisdiction} the cap of {year} is a share of {denominator}, and they were not given. Give {option}."
    on_page = "In {jurisdiction} the cap of {year} is a share of {denominator}, and they were not given. Give them too."


class BadObligation(Refusal):
    code = "offsetting.bad_obligation"
    message = "{problem} {next_step}"


class ObligationBelowUse(Refusal):
    code = "offsetting.obligation_below_use"
    message = (
        "With these amounts {cap_mg} mg could be offset in {year}, and {used_mg} mg are reserved or surrendered. "
        "Release reservations first, or look at the amounts again."
    )


class NoObligation(Refusal):
    code = "offsetting.no_obligation"
    message = (
        "Nothing is declared of this company for {year} in {jurisdiction}. "
        "Declare its verified emissions first ('tanpuhui offset declare')."
    )
    on_page = "Nothing is declared of this company for {year} in {jurisdiction}. Declare its verified emissions first."


class RulesRewritten(Refusal):
    code = "offsetting.rules_rewritten"
    message = (
        "{jurisdiction} was filed under other rules for {year} ({then}) than its file says now ({now}). "
        "Rules of a year that was filed for stay: set the old rule's last day and add a new rule for later years."
    )


class CapExceeded(Refusal):
    code = "offsetting.cap_exceeded"
    message = (
        "{wanted_mg} mg were asked for, and {left_mg} mg are left of the cap of {year}: {cap_mg} mg, "
        "of which {used_mg} mg are reserved or surrendered. {arithmetic}. Rule {rule} ({status}; {source}). "
        "Ask for at most what is left."
    )


class PoolExceeded(Refusal):
    code = "offsetting.pool_exceeded"
    message = (
        "{wanted_mg} mg were asked for, and {left_mg} mg are left of the pool of all companies in {jurisdiction}, "
        "{year}: {pool_mg} mg, of which {used_mg} mg are reserved or surrendered. Rule {rule} ({status}; {source}). "
        "Ask for at most what is left."
    )


class NotWholeTonnes(Refusal):
    code = "offsetting.not_whole_tonnes"
    message = (
        "{amount_mg} mg are not whole tonnes. Ask for 1 t or more, without decimals: serials are of tonnes."
    )


class NoSink(Refusal):
    code = "offsetting.no_sink"
    message = (
        "On {day} {jurisdiction} has no rule that lets reductions be surrendered; it has: {sinks}. "
        "Use them for one of these, or add the rule with its source."
    )


class NotEnoughEligible(Refusal):
    code = "offsetting.not_enough_eligible"
    message = (
        "{wanted_t} t were asked for, at least {local_t} t of them local, and this company has {eligible_t} t that "
        "may be used, {eligible_local_t} t of them local. Not eligible: {not_eligible}. Acquire more, or ask for less."
    )


class KeyReused(Refusal):
    code = "offsetting.key_reused"
    message = "The key {key} was used before for other content. Give new content a new key."


class UnknownReservation(Refusal):
    code = "offsetting.unknown_reservation"
    message = "There is no reservation {number}. 'tanpuhui offset show' lists them."
    on_page = "There is no reservation {number}. Choose one from the list of yours."


class ReservationEnded(Refusal):
    code = "offsetting.reservation_ended"
    message = "Reservation {number} was {outcome} on {day}. Make a new one."


class ReservationLost(Refusal):
    code = "offsetting.reservation_lost"
    message = (
        "Units of reservation {number} are not set aside any more, because a lot was annulled: {lots}. "
        "Release it, and reserve others."
    )


class NothingToReplace(Refusal):
    code = "offsetting.nothing_to_replace"
    message = "Nothing of reservation {number} has to be replaced for lot {lot}. 'tanpuhui offset show' lists what has."
    on_page = "Nothing of reservation {number} has to be replaced for lot {lot}. Its page says what has."


class NotACompany(Refusal):
    code = "offsetting.not_a_company"
    message = "{code} is a {kind}, and only companies offset emissions. Give the code of a company."


class NoVoluntaryUse(Refusal):
    code = "offsetting.no_voluntary_use"
    message = (
        "On {day} {jurisdiction} has no rule that lets its reductions be retired voluntarily; it has: {sinks}. "
        "Use them for one of these, or reductions of another place."
    )


class BeneficiaryMissing(Refusal):
    code = "offsetting.beneficiary_missing"
    message = (
        "It does not say for whom and for what, in 1 to {most} characters each. "
        "Name the event or organisation, and the purpose: both are public."
    )


class NotEnoughHeld(Refusal):
    code = "offsetting.not_enough_held"
    message = (
        "{wanted_t} t were asked for, and this company holds {held_t} t of {jurisdiction} that may be retired. "
        "Ask for that many at most, or acquire more."
    )


class NotSurrendered(Refusal):
    code = "offsetting.not_surrendered"
    message = "Reservation {number} was not surrendered, so nothing was used yet. Surrender it first."


class UnknownCertificate(Refusal):
    code = "offsetting.unknown_certificate"
    message = "There is no certificate {number}. Look at the number again; the public list has all of them."


class CertificateInvalid(Refusal):
    code = "offsetting.certificate_invalid"
    message = (
        "This certificate was not signed by this installation, or was changed ({why}). "
        "Look at its public page by the number that it bears."
    )


class DeadlinePassed(Refusal):
    code = "offsetting.deadline_passed"
    message = (
        "For {year} {jurisdiction} takes this until {last_day}, and it is {day}. Rule {rule} ({status}; {source}). "
        "A new day is the authority's to set: it goes into jurisdictions/{jurisdiction}.toml with its source."
    )


class CertificateWithoutCredential(Refusal):
    code = "offsetting.certificate_without_credential"
    message = (
        "Certificate {number} was issued before certificates had credentials. "
        "Issue one with 'tanpuhui credential issue {number}'."
    )
    on_page = (
        "Certificate {number} was issued before certificates had credentials. Ask the operator to issue one."
    )
