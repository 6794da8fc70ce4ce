"""Reasons: every code with which a row is refused or an accepted row is remarked on, and what to do next."""

from __future__ import annotations

#: Codes of refused rows: what is wrong, and the next step.
REFUSALS: dict[str, str] = {
    "evidence.row_unreadable": "The line is not a row of this format: a wrong number of values, an open quote, "
    "an empty line or broken JSON. Send it again as one whole line.",
    "evidence.unknown_field": "The object has a key that the format does not know. Correct its name, or leave it out.",
    "evidence.missing": "A value that the format needs is missing. Send the row again with it.",
    "evidence.identifier_not_text": "An identifier is true or false, a number with decimals, a list or an object. "
    "Send it as text, or as a whole number.",
    "evidence.control_character": "The text has a control character in it, such as NUL, a tab or a line end. "
    "Send it without.",
    "evidence.too_long": "The text has more than 200 characters. Shorten it.",
    "evidence.not_a_number": "The value is not a plain whole number or decimal, or has too many digits. "
    "Send digits only, in the unit of the column.",
    "evidence.negative": "The value is below zero. A correction is a new revision, not a negative amount.",
    "evidence.out_of_range": "The value is larger than any real one. Check its unit.",
    "evidence.not_a_moment": "The value is not a moment such as 2026-03-02T08:10:00+08:00. Correct it.",
    "evidence.year_out_of_range": "The year is before 2000 or after 2100. Correct it; where a provider always writes "
    "two digits, its contract can declare the repair two_digit_years.",
    "evidence.ends_before_start": "The act ends before it starts. Correct one of the two moments.",
    "evidence.in_the_future": "The act ends more than 15 minutes after the file was received. "
    "Check the clock and the zone, and send it again afterwards.",
    "evidence.unknown_type": "The type is not one of the format's. Correct it.",
    "evidence.kind_not_in_contract": "The contract does not name this kind of act. Extend the contract first.",
    "evidence.revision_invalid": "The revision is not a whole number from 0, the action is neither report nor retract, "
    "or a retraction has revision 0. Correct it.",
    "evidence.id_reused": "The id and revision were used before with other content, or the id with another person. "
    "Send a correction as the next revision of the same person's id.",
    "evidence.station_missing": "A metro tap without a station has no distance. Send the row again with its station.",
    "evidence.station_unknown": "The station is not in the station table. Extend the table, then resubmit.",
    "evidence.no_energy": "The session delivered no energy: nothing was charged.",
    "evidence.session_too_long": "The act took longer than acts of its kind can. Correct its moments.",
    "evidence.impossible_power": "The mean power is above what the contract's equipment can deliver. "
    "Correct energy or moments.",
    "evidence.impossible_speed": "The mean speed is above what acts of this kind can reach. "
    "Correct distance or moments.",
    "evidence.mass_missing": "The weighing has no weight. Send it again with one.",
    "evidence.material_unknown": "The material is not one of the format's. Correct it.",
    "evidence.slot_unaligned": "A slot starts on the hour or half past. Correct its start.",
    "evidence.parts_differ": "The parts differ from their total by more than 2 percent. Weigh again.",
}

#: Codes of notes: the row is accepted, and this is remarked on and counted in the receipt.
NOTES: dict[str, str] = {
    "evidence.two_digit_year_repaired": "The year had two digits; the contract declares that 2000 is added.",
    "evidence.card_of_8_characters": "A card number of 8 characters instead of 9: taken as written, never padded.",
    "evidence.station_suffix": "A station written with 站: the same station as without.",
    "evidence.station_alias": "A station under another of its names, found in the alias table.",
    "evidence.pv_at_night": "Generation between 22:00 and 04:00: kept apart as pv_night_wh, never as pv_wh.",
    "evidence.past_midnight": "The session's end hour is before its start hour: it went past midnight.",
    "evidence.person_overlap": "The session overlaps an earlier one of the same person in this file.",
    "evidence.station_overlap": "The session overlaps an earlier one at the same charging point in this file.",
    "evidence.rounded_to_unit": "The value had decimals below the base unit: rounded half to even.",
}
