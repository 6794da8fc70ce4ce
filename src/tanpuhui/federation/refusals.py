"""Refusals of federation: each with its code, the facts and the next step. None names a person."""

from __future__ import annotations

from tanpuhui.kit.refusal import Refusal


class UnknownPeer(Refusal):
    code = "federation.unknown_peer"
    message = "There is no peer {peer}. 'tanpuhui federation peer list' names all of them."


class BadPeer(Refusal):
    code = "federation.bad_peer"
    message = "{field} is {given!r}. {next_step}"


class PeerTaken(Refusal):
    code = "federation.peer_taken"
    message = (
        "There is a peer {peer} already, and its {field} differs. A peer keeps what it is: add another one."
    )


class PeerStopped(Refusal):
    code = "federation.peer_stopped"
    message = "{peer} is not enabled. Enable it under its contract: 'tanpuhui federation peer enable {peer}'."


class OneCity(Refusal):
    code = "federation.one_city"
    message = "{peer} certifies for this district already. Stop it before another city is enabled."


class WrongRole(Refusal):
    code = "federation.wrong_role"
    message = "{peer} is a {role}, and this is for a {wanted}. Choose another peer."


class NoKey(Refusal):
    code = "federation.no_key"
    message = "This installation has no key in force. 'tanpuhui federation key new' makes one."


class UnknownKey(Refusal):
    code = "federation.unknown_key"
    message = "Nobody here knows the key {key_id}. Ask the other side's operator for its key, and add it to the peer."


class KeyTaken(Refusal):
    code = "federation.key_taken"
    message = "The key {key_id} is registered already for somebody else. Make a new one."


class KeyNotInForce(Refusal):
    code = "federation.key_not_in_force"
    message = "The key {key_id} is {state}. Sign with a key that is in force."


class SignatureMissing(Refusal):
    code = "federation.signature_missing"
    message = "There is no signature. Sign with RFC 9421: Ed25519, tag {tag}."


class SignatureInvalid(Refusal):
    code = "federation.signature_invalid"
    message = "The signature does not stand: {reason}. Sign what is sent, as it is sent, with the key that is named."


class DigestMismatch(Refusal):
    code = "federation.digest_mismatch"
    message = "The content is not what Content-Digest says: it was altered on its way. Send it again."


class ClockOff(Refusal):
    code = "federation.clock_off"
    message = (
        "It was signed at {created}, and here it is {now}: more than {tolerance_s} s apart. "
        "Set the clock of the sender right, and send again."
    )


class BadMessage(Refusal):
    code = "federation.bad_message"
    message = "{field}: {problem} Send what docs/guides/federation.md describes."


class NotForUs(Refusal):
    code = "federation.not_for_us"
    message = "The message is from {sender} to {receiver}, and it came from {peer} to {us}. Send it where it belongs."


class NoCommonVersion(Refusal):
    code = "federation.no_common_version"
    message = (
        "We speak versions {ours} with {peer}, and it speaks {theirs}. Agree on one: upgrade the older side."
    )


class SequenceReused(Refusal):
    code = "federation.sequence_reused"
    message = (
        "Number {sequence} of {peer} is the message {known}, and now another one has it. It is refused and kept as "
        "evidence. Ask for what is here ('tanpuhui federation replay'), and go on with the next number."
    )


class ChainBroken(Refusal):
    code = "federation.chain_broken"
    message = (
        "Message {sequence} of {peer} follows {previous}, and the last one here is {known}. It is refused and kept as "
        "evidence. Find out which of the two was sent."
    )


class Gap(Refusal):
    code = "federation.gap"
    message = "Message {sequence} of {peer} came, and {expected} is next. Send from {expected} on."


class NotYet(Refusal):
    code = "federation.not_yet"
    message = (
        "The message cannot be carried out yet: {reason}. It is asked for again by itself; nothing was lost."
    )


class Forked(Refusal):
    code = "federation.forked"
    message = (
        "{peer} has another message under our number {sequence}: {theirs} there, {ours} here. Nothing is sent until "
        "somebody has found out which one is right."
    )


class Unreachable(Refusal):
    code = "federation.unreachable"
    message = "{peer} does not answer ({reason}). What waits stays in the outbox and is sent again by itself."


class BadAnswer(Refusal):
    code = "federation.bad_answer"
    message = "{peer} answered something that does not stand: {reason}. Look at its key and its clock."


class RefusedByPeer(Refusal):
    code = "federation.refused_by_peer"
    message = "{peer} refused: {why} ({refusal})."


class OpenAsk(Refusal):
    code = "federation.open_ask"
    message = (
        "A lot of {methodology}, vintage {vintage}, is asked for and not answered yet. Wait for the answer."
    )


class UnknownAsk(Refusal):
    code = "federation.unknown_ask"
    message = (
        "No message {ask} asks for a lot, or several do. "
        "'tanpuhui federation asks' lists each by its id: name that."
    )


class NotOurs(Refusal):
    code = "federation.not_ours"
    message = "Lot {lot} is not one that {peer} has a part in. Name another lot."


class NoRule(Refusal):
    code = "federation.no_rule"
    message = "No rule of {jurisdiction} recognises {what} of {home} on {day}. Its table 'recognitions' would say so."


class OverQuota(Refusal):
    code = "federation.over_quota"
    message = (
        "{wanted_t} t of {home} would be recognised in {year}, and {left_t} t of the quota of {quota_t} t are left. "
        "Ask for less."
    )


class ClaimedTwice(Refusal):
    code = "federation.claimed_twice"
    message = (
        "Numbers {first} to {last} of lot {lot} were recognised before, or some of them. Offer other ones."
    )


class OfferedBefore(Refusal):
    code = "federation.offered_before"
    message = (
        "Numbers {first} to {last} of lot {lot} were offered to {peer} before, and it refused them. "
        "Offer other ones, or another number of tonnes."
    )


class TooLittle(Refusal):
    code = "federation.too_little"
    message = "{tonnes} t at {percent} % are less than a tonne here. Offer more at once."


class BadLink(Refusal):
    code = "federation.bad_link"
    message = "{field} is not right. Go back to the other platform, and begin there again."


class LinkCodeSpent(Refusal):
    code = "federation.link_code_spent"
    message = "This code was used already, is over, or was never given. Begin again on the other platform."


class LinkedAlready(Refusal):
    code = "federation.linked_already"
    message = "Your account is linked with {peer} already. End that link first."


class ChildLinks(Refusal):
    code = "federation.child_links"
    message = (
        "Whoever is under {age} links no account with another platform: it would be their guardian's to agree "
        "(PIPL article 31). Link it on the fourteenth birthday or later."
    )


class UnknownLink(Refusal):
    code = "federation.unknown_link"
    message = "There is no such link that still stands. Look at your links again."


class NotOneRange(Refusal):
    code = "federation.not_one_range"
    message = (
        "{tonnes} t of lot {lot} are in {ranges} ranges of serial numbers, and one range is offered at a time. "
        "Offer fewer tonnes."
    )
