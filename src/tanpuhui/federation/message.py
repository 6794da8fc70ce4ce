"""Message: what one platform says to another, as bytes that are the same wherever they are written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from tanpuhui.federation.refusals import BadMessage
from tanpuhui.kit.digest import canonical_json, digest_bytes, has_nul

FORMAT = "tanpuhui-federation"
#: Versions of the protocol that this program speaks. The second one chains each message to the one before.
VERSIONS = (1, 2)
CHAINED = 2
MOST_BYTES = 1_000_000
#: Years of which anything is said: the first inventories, and further ahead than any key or lot.
FIRST_YEAR, LAST_YEAR = 1990, 2200
_FIELDS = {
    "format": str,
    "version": int,
    "from": str,
    "to": str,
    "sequence": int,
    "kind": str,
    "subject": str,
    "day": str,
    "made_at": str,
    "body": dict,
}


@dataclass(frozen=True)
class Message:
    """One message: from whom to whom, its number between the two, its kind, what it is about, and what it says."""

    version: int
    sender: str
    receiver: str
    sequence: int
    #: The id of the message before; empty for the first one, and in version 1.
    previous: str
    kind: str
    subject: str
    day: date
    made_at: datetime
    body: dict[str, Any]

    def content(self) -> bytes:
        said = {
            "format": FORMAT,
            "version": self.version,
            "from": self.sender,
            "to": self.receiver,
            "sequence": self.sequence,
            "kind": self.kind,
            "subject": self.subject,
            "day": self.day.isoformat(),
            "made_at": self.made_at.astimezone(UTC).isoformat(timespec="microseconds"),
            "body": self.body,
        }
        if self.version >= CHAINED:
            said["previous"] = self.previous
        return canonical_json(said)

    @property
    def id(self) -> str:
        return digest_bytes(self.content())


def read_message(content: bytes) -> Message:
    """The message of some bytes; refuses bytes that are not exactly how it is written."""
    if len(content) > MOST_BYTES:
        raise BadMessage(field="(content)", problem=f"it has more than {MOST_BYTES} bytes.")
    said = read_json(content)
    _refuse_shape(said)
    try:
        found = Message(
            version=said["version"],
            sender=said["from"],
            receiver=said["to"],
            sequence=said["sequence"],
            previous=said.get("previous", ""),
            kind=said["kind"],
            subject=said["subject"],
            day=date.fromisoformat(said["day"]),
            made_at=datetime.fromisoformat(said["made_at"]),
            body=said["body"],
        )
        same = found.content() == content
    except (ValueError, AssertionError, TypeError, OverflowError):
        raise BadMessage(
            field="(content)", problem="a value in it has not the form that it must have."
        ) from None
    if not same:
        raise BadMessage(field="(content)", problem="it is not canonical JSON (RFC 8785).")
    return found


def read_json(content: bytes) -> Any:
    """What a peer said in JSON; refuses what no table can keep: NUL in a text, or deeper than anything of ours."""
    try:
        said = json.loads(content)
        unfit = has_nul(said)
    except (ValueError, RecursionError):
        raise BadMessage(field="(content)", problem="it is not JSON, or far too deep.") from None
    if unfit:
        raise BadMessage(field="(content)", problem="a text in it has the character NUL.")
    return said


def _refuse_shape(said: Any) -> None:
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise BadMessage(field="format", problem=f"it is not {FORMAT}.")
    for name, kind in _FIELDS.items():
        if type(said.get(name)) is not kind:
            raise BadMessage(field=name, problem="it is missing, or of another type.")
    if said["version"] not in VERSIONS:
        raise BadMessage(field="version", problem=f"{said['version']} is not spoken here.")
    if type(said.get("previous", "")) is not str or ("previous" in said) != (said["version"] >= CHAINED):
        raise BadMessage(field="previous", problem="it must be there from version 2 on, and not before.")
    if said["sequence"] < 1 or len(said["subject"]) > 200 or len(said["kind"]) > 30:
        raise BadMessage(field="sequence, subject, kind", problem="one of them is out of range.")


# -- fields of a body -----------------------------------------------------------------------------------------------


def whole(body: dict[str, Any], name: str, *, least: int = 0, most: int = 2**63 - 1) -> int:
    """A whole number of a body, within its limits."""
    value = body.get(name)
    if type(value) is not int or not least <= value <= most:
        raise BadMessage(field=name, problem=f"it is not a whole number from {least} to {most}.")
    return value


def text(body: dict[str, Any], name: str, *, most: int = 300) -> str:
    """A text of a body, not empty."""
    value = body.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= most:
        raise BadMessage(field=name, problem=f"it is not a text of 1 to {most} characters.")
    return value


def day_of(body: dict[str, Any], name: str) -> date:
    """A day of a body."""
    try:
        found = date.fromisoformat(text(body, name, most=10))
    except ValueError:
        raise BadMessage(field=name, problem="it is not a day such as 2026-03-02.") from None
    _refuse_year(found, name)
    return found


def moment_of(body: dict[str, Any], name: str) -> datetime:
    """A moment of a body, with its zone."""
    try:
        found = datetime.fromisoformat(text(body, name, most=40))
    except ValueError:
        raise BadMessage(field=name, problem="it is not a moment.") from None
    if found.tzinfo is None:
        raise BadMessage(field=name, problem="it has no zone.")
    _refuse_year(found, name)
    return found


def _refuse_year(found: date, name: str) -> None:
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise BadMessage(field=name, problem=f"it is not of a year from {FIRST_YEAR} to {LAST_YEAR}.")


def objects(body: dict[str, Any], name: str, *, most: int = 10_000) -> list[dict[str, Any]]:
    """A list of objects of a body."""
    value = body.get(name)
    if not isinstance(value, list) or len(value) > most or not all(isinstance(one, dict) for one in value):
        raise BadMessage(field=name, problem="it is not a list of objects.")
    return value


def written(at: datetime) -> str:
    """A moment as bodies write it."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
