"""Refusals of backups."""

from __future__ import annotations

from tanpuhui.kit.refusal import Refusal


class InsideEachOther(Refusal):
    code = "operation.folders_inside_each_other"
    message = (
        "{folder} and the home {home} are inside each other: both would be lost at once. "
        "Name a folder on another disk or machine."
    )


class OtherInstallation(Refusal):
    code = "operation.other_installation"
    message = (
        "{folder} holds copies of another database ({known}, and this one is {found}). Name another folder."
    )


class CopyingAlready(Refusal):
    code = "operation.copying_already"
    message = "Another process copies to {folder} just now. Wait until it has ended, then repeat the command."


class NoBackup(Refusal):
    code = "operation.no_backup"
    message = (
        "{folder} holds no copy that was finished before {before}. Look with 'tanpuhui backup list {folder}'."
    )


class TooLate(Refusal):
    code = "operation.not_followed_so_far"
    message = "The copies in {folder} reach to {through}, not to {to}. Ask for that moment or an earlier one."


class HomeInUse(Refusal):
    code = "operation.home_not_empty"
    message = "{home} has something in it already, and nothing is ever restored over it. Name a new folder with --home."


class OtherVersion(Refusal):
    code = "operation.other_version"
    message = (
        "The copy is of PostgreSQL {found}, and the embedded server is {known}. "
        "Restore it with the tools of a server of version {found}, then name that with TANPUHUI_DATABASE_URL."
    )


class KeysMissing(Refusal):
    code = "operation.keys_missing"
    message = (
        "The secret keys are not with the copies in {folder}: without them nobody's pseudonym is found again. "
        "Name the folder in which they were kept with --keys."
    )


class ToolFailed(Refusal):
    code = "operation.tool_failed"
    message = "{tool} failed: {said}. Mend that and repeat the command; what was there before is as it was."


class CopyAltered(Refusal):
    code = "operation.copy_altered"
    message = (
        "{path} is not what the database wrote (sha256 {found}, and {expected} was expected). "
        "Look at the disk of the copies, and take another copy."
    )
