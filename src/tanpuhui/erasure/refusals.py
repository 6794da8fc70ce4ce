"""Refusals of erasure: each with its code, the facts and the next step. None names a person."""

from __future__ import annotations

from tanpuhui.kit.refusal import Refusal


class NotAnErasure(Refusal):
    code = "erasure.not_asked_for"
    message = "This request is for something else ({kind}). Only a request to erase leads to an erasure."


class NotAgreed(Refusal):
    code = "erasure.not_agreed"
    message = (
        "Nobody else has agreed to erase for request {request}. Ask a colleague on the request's page of the console; "
        "erase within three days of their yes."
    )


class StillOpen(Refusal):
    code = "erasure.still_open"
    message = "Account {account} cannot be erased yet: {what}. {next_step}"


class NotTheOwner(Refusal):
    code = "erasure.not_the_owner"
    message = (
        "This command's role may not delete what is append-only. "
        "Run it on the machine of the database, as the role that owns the tables."
    )
