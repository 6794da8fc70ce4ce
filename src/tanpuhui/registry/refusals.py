"""Refusals of the registry: each with its code, the facts and the next step."""

from __future__ import annotations

from tanpuhui.kit.refusal import Refusal


class VerifierIsOperator(Refusal):
    code = "registry.verifier_is_operator"
    message = "{verifier} operates this platform and cannot verify its lots. Name an independent verifier."


class NobodyVerifies(Refusal):
    code = "registry.nobody_verifies"
    message = "A lot needs a verifier, and an operator, by name. Give --verifier NAME."


class StatusNotAccepted(Refusal):
    code = "registry.status_not_accepted"
    message = (
        "{methodology} rests on factors of status {status!r} on {day}; {jurisdiction} accepts {accepted}. "
        "Get factors of an accepted status into a new version, or certify under a jurisdiction that accepts these."
    )


class ScopeExcluded(Refusal):
    code = "registry.scope_excluded"
    message = (
        "{jurisdiction} shuts out the scope {scope!r} ({reason}; {source}). "
        "These reductions belong to that other market and are not certified here."
    )


class OtherJurisdiction(Refusal):
    code = "registry.other_jurisdiction"
    message = (
        "{day} was closed under the rules of {closed_under}, not of {jurisdiction}. "
        "Certify under {closed_under}, or close the day again under {jurisdiction} first."
    )


class MethodologyChanged(Refusal):
    code = "registry.methodology_changed"
    message = (
        "{day} was closed with {methodology} as {then}; here it is {now}. "
        "Restore that version of the folder, or close the day again first."
    )


class ClosesBehind(Refusal):
    code = "registry.closes_behind"
    message = (
        "{count} days of this lot have evidence that their last close has not seen: {days}. "
        "It may take reductions back. Close these days again (certified ones with --reopen), then certify."
    )


class DaysUnclosed(Refusal):
    code = "registry.days_unclosed"
    message = (
        "{count} days have records and were never closed: {days}. {methodology} nets its good and bad days, so none "
        "may be left out. Close them, then certify."
    )


class VerificationMissing(Refusal):
    code = "registry.verification_missing"
    message = (
        "{jurisdiction} asks for a verifier's statement, and none speaks of {count} closes of this lot: {days}. "
        "Open an engagement for them: 'tanpuhui verification open'."
    )


class VerificationRefused(Refusal):
    code = "registry.verification_refused"
    message = (
        "The verifier refused {count} closes of this lot: {days}. "
        "Correct what it found, close these days again, and have them verified again."
    )


class VerifiedByAnother(Refusal):
    code = "registry.verified_by_another"
    message = "{verifier} is named as the verifier of this lot, and {other} signed the statement. Name who signed it."


class LessThanATonne(Refusal):
    code = "registry.less_than_a_tonne"
    message = (
        "{pending_mg} mg of {methodology}, vintage {vintage}, are pending through {through}: less than one tonne "
        "(1000000000 mg). Close more days, or certify through a later day."
    )


class ThroughOutsideVintage(Refusal):
    code = "registry.through_outside_vintage"
    message = "{through} is not in {vintage}. A lot has one vintage: choose a day of that year."


class LotUnknown(Refusal):
    code = "registry.lot_unknown"
    message = "There is no lot {code!r}. 'tanpuhui lot show' lists them."
    on_page = "There is no lot {code!r}. Choose one from the list of lots."


class NothingPublished(Refusal):
    code = "registry.nothing_published"
    message = "Statistics of {month} were not published yet. 'tanpuhui statistics publish' does it, when it is over."


class SerialUnknown(Refusal):
    code = "registry.serial_unknown"
    message = (
        "No lot has the serial number {given}. Look at the number again; the list of lots names all of them."
    )


class BadSerial(Refusal):
    code = "registry.bad_serial"
    message = (
        "{given!r} is neither a serial number nor the code of a lot. Give a whole number such as 7, a serial number as "
        "it is printed, or a code such as DEMO-000001."
    )


class NothingToFreeze(Refusal):
    code = "registry.nothing_to_freeze"
    message = "Account {account} has nothing available that could be frozen. Look again when it has."


class NotFrozen(Refusal):
    code = "registry.not_frozen"
    message = "Nothing of account {account} is frozen. Look at the account again."


class CannotClawBack(Refusal):
    code = "registry.cannot_claw_back"
    message = (
        "Account {account} holds {available_mg} mg of lot {lot}, and {wanted_mg} mg was asked for. "
        "Ask for 1 mg or more, up to that amount."
    )


class BadParts(Refusal):
    code = "registry.bad_parts"
    message = "{parts} cannot be moved. Name each lot once, with one whole tonne or more of it."


class NotEnoughUnits(Refusal):
    code = "registry.not_enough_units"
    message = (
        "{wanted_t} t of lot {lot} were asked for, and {available_t} t are {state} there. "
        "Ask for that many at most, unlock some, or choose another lot."
    )


class NotInPool(Refusal):
    code = "registry.not_in_pool"
    message = (
        "{wanted_t} t of lot {lot} were asked for, and the pool has {pool_mg} mg of it. "
        "Gather more first, or ask for less."
    )


class CannotGather(Refusal):
    code = "registry.cannot_gather"
    message = (
        "{offered_mg} mg of lot {lot} are offered, and {wanted_mg} mg are wanted. "
        "Ask for 1 mg or more, up to what is offered, and name each resident once with 1 mg or more."
    )


class CannotGiveBack(Refusal):
    code = "registry.cannot_give_back"
    message = (
        "{tonnes} t cannot be given back as {amount_mg} mg. Name one lot, and amounts of 1 mg or more that sum to "
        "its whole tonnes."
    )


class SameHolder(Refusal):
    code = "registry.same_holder"
    message = "{holder} has these units already. Name another company."


class NotLocked(Refusal):
    code = "registry.not_locked"
    message = "Nothing is locked under hold {hold}. Lock units first."


class ReasonMissing(Refusal):
    code = "registry.reason_missing"
    message = "Whoever cancels says why. Give a reason."


class BufferTooSmall(Refusal):
    code = "registry.buffer_too_small"
    message = (
        "The buffer has {buffer_mg} mg of lot {lot}, and {wanted_mg} mg were asked for. "
        "Take 1 mg or more, up to that amount, and the rest from another lot."
    )


class LotAnnulled(Refusal):
    code = "registry.lot_annulled"
    message = "Lot {lot} was annulled, and nothing of it moves any more. Choose another lot."


class BadModel(Refusal):
    code = "registry.bad_model"
    message = "CAD Trust has no data model {given} here. Choose 1 or 2."


class BadSite(Refusal):
    code = "registry.bad_site"
    message = "{given!r} is not the address of this platform. Give one such as https://carbon.example, without a slash."


class BadExclusions(Refusal):
    code = "registry.bad_exclusions"
    message = "{file}, line {line}: {problem} {repair} Nothing was imported."


class Excluded(Refusal):
    code = "registry.excluded"
    message = (
        "{what} {key} is covered by another market ({market}) from {first_day} to {last_day}: {clause} ({source}). "
        "It is not certified. Leave it out, or import a newer row of the register if it is not covered any more."
    )


class BadForeignUnits(Refusal):
    code = "registry.bad_foreign_units"
    message = "{file}, line {line}: {problem} {repair} Nothing was imported."


class ConflictUnreviewed(Refusal):
    code = "registry.conflict_unreviewed"
    message = (
        "{registry} has project {project} for the same thing and time ({reason}), from {first_day} to {last_day}. "
        "Look at it and say why it is none ('tanpuhui registry conflicts review {conflict}'), or do not certify."
    )


class UnknownConflict(Refusal):
    code = "registry.unknown_conflict"
    message = "There is no conflict {conflict}. 'tanpuhui registry conflicts scan' lists all of them."


class ReviewedOtherwise(Refusal):
    code = "registry.conflict_already_reviewed"
    message = "Conflict {conflict} was reviewed on {day} with another reason, which stays."


class FileMissing(Refusal):
    code = "registry.no_such_file"
    message = "There is no file {file}. Name a CSV file."


class NoNoise(Refusal):
    code = "registry.no_noise"
    message = (
        "Statistics with noise need OpenDP, which is not installed; nothing was published and no budget spent. "
        "Run 'pip install --require-hashes -r requirements/dp.txt', then repeat the command."
    )


class NoDistricts(Refusal):
    code = "registry.no_districts"
    message = "{jurisdiction} publishes no figures of districts. Add [statistics.private] to its rules first."


class MonthUnknown(Refusal):
    code = "registry.month_unknown"
    message = "{given!r} is no month. Write it as 2026-02."


class MonthNotOver(Refusal):
    code = "registry.month_not_over"
    message = "{month} is not over: a month is released once, as a whole. Release it in the month after."


class MonthUnclosed(Refusal):
    code = "registry.month_unclosed"
    message = (
        "{count} days of {month} have records and were never closed: {days}. "
        "A month is released once, as a whole. Close them, then release it."
    )


class MonthBehind(Refusal):
    code = "registry.month_behind"
    message = (
        "{count} days of {month} are due again, since there is more than their closes have seen: {days}. "
        "A month is released once, as a whole. 'tanpuhui close all' closes them; then release it."
    )


class ReleasedOtherwise(Refusal):
    code = "registry.released_otherwise"
    message = (
        "{month} is part of another release already, {digest}: a month is released once, exactly or with noise. "
        "Release a month that none has."
    )


class PrivateOnly(Refusal):
    code = "registry.private_only"
    message = (
        "{jurisdiction} publishes statistics with noise alone, so that releases cannot be compared for what one "
        "person did. Release {month} that way: 'tanpuhui statistics publish {month}'."
    )


class ReleasedWithoutKinds(Refusal):
    code = "registry.released_without_kinds"
    message = (
        "{month} was released already, of districts alone, and a month is released once. "
        "'tanpuhui statistics districts {month}' shows it; release the month after it with both tables."
    )


class BudgetSpent(Refusal):
    code = "registry.privacy_budget_spent"
    message = (
        "The releases of {year} have told {spent} of {limit} millionths of epsilon, and one more would tell {wanted}. "
        "Nothing more is released of that year; the budget is [statistics.private] of the rules."
    )


class UnknownDistrict(Refusal):
    code = "registry.unknown_district"
    message = "{given!r} is no district here. Give one of: {known}."


class CertifiedElsewhere(Refusal):
    code = "registry.certified_elsewhere"
    message = (
        "{registry} certifies what this installation credits, so that nothing is certified twice. "
        "Ask it for a lot: 'tanpuhui federation ask'."
    )


class UsedInItsRegistry(Refusal):
    code = "registry.used_in_its_registry"
    message = (
        "Lot {lot} is certified and kept by {registry}: its tonnes are retired, surrendered, cancelled, annulled and "
        "offered to other cities there, so that they are used once. Transfer them to the company "
        "platform-{registry}; then {registry} has them."
    )


class HasLots(Refusal):
    code = "registry.has_lots"
    message = (
        "This installation certified {count} lots itself, whose serial numbers may meet those of {registry}. "
        "Hand certification over before the first lot, or move them to {registry} by its own import first."
    )


class ReportedTwice(Refusal):
    code = "registry.reported_twice"
    message = (
        "Another platform reported the close {manifest} already: it is counted once. Look into both reports."
    )


class BadReport(Refusal):
    code = "registry.bad_report"
    message = "The report of {day} does not add up: {problem} Report the day again as its close has it."


class NotSoMuchReported(Refusal):
    code = "registry.not_so_much_reported"
    message = (
        "{asked_t} t of {methodology}, vintage {vintage}, are asked for, and {available_mg} mg of what was reported "
        "through {through} are not certified yet. Ask for less, or report more days first."
    )


class RangeElsewhere(Refusal):
    code = "registry.range_elsewhere"
    message = (
        "Numbers {first} to {last} of lot {lot} are not all where they are to be taken from. Look where they are: "
        "'tanpuhui registry show'."
    )


class LotDiffers(Refusal):
    code = "registry.lot_differs"
    message = "Lot {lot} is here already with other facts ({field}). Both platforms must look into it."


class HouseholdAlone(Refusal):
    code = "registry.household_alone"
    message = (
        "{methodology} pays each household for the days or months in which it used less, and with no effect at "
        "all that issues 7 to 15 % of consumption. Its reductions are for points; certify household electricity "
        "through a programme's pooled bound ('tanpuhui programme')."
    )


class BeyondTheBound(Refusal):
    code = "registry.beyond_the_bound"
    message = (
        "{credited_mg} mg of {methodology} are credited through {through}, and settled programmes allow "
        "{shared_mg} mg. Find the acts that no settlement reported, have them retracted, and close their days again."
    )
