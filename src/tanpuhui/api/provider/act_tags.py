"""Act tags: elements evaluated without being seen, and acts claimed once across providers (RFC 9497)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router

from tanpuhui.api.language import language_of, message_in
from tanpuhui.api.provider import schemas
from tanpuhui.api.provider.batches import signed
from tanpuhui.api.provider.corrections import once
from tanpuhui.api.provider.document import CHANGES_SOMETHING, refusals
from tanpuhui.api.provider.signature import Caller
from tanpuhui.evidence.act_tag import ClaimedAlready, OtherTags, claim, evaluator
from tanpuhui.evidence.request import Answer

router = Router(tags=["act tags"])


@router.post(
    "/act-tags/evaluations",
    operation_id="evaluate_act_tags",
    summary="Evaluate blinded elements",
    auth=signed,
    response={200: schemas.Evaluations, **refusals(409, 429, body=True)},
    openapi_extra=CHANGES_SOMETHING,
)
def evaluate_act_tags(request: HttpRequest, asked: schemas.Elements) -> Any:
    """Have blinded elements evaluated under the platform's key of an epoch. The platform does not learn what they are;
    with its public key you prove that it used the same key as for everybody.
    """

    def evaluate(_caller: Caller) -> Answer:
        server = evaluator(asked.epoch, asked.suite)
        evaluations = server.evaluate([bytes.fromhex(one) for one in asked.elements])
        said = {
            "suite": server.suite,
            "epoch": server.epoch,
            "public_key": server.public_key.hex(),
            "evaluations": [one.hex() for one in evaluations],
        }
        return Answer(200, said)

    return once(request, "act_tag_evaluations", evaluate)


@router.post(
    "/act-tags/claims",
    operation_id="claim_acts",
    summary="Claim acts by their tags",
    auth=signed,
    response={201: schemas.Claimed, **refusals(409, 429, body=True)},
    openapi_extra=CHANGES_SOMETHING,
)
def claim_acts(request: HttpRequest, asked: schemas.Claims) -> Any:
    """Claim acts for records of yours. An act that another record claimed in this epoch is refused, alone; the others
    are yours. The same claim again is the same claim.
    """

    language = language_of(request)

    def take(caller: Caller) -> Answer:
        answers = []
        for one in asked.claims:
            try:
                tags = [bytes.fromhex(tag) for tag in one.tags]
                claim(caller.provider, one.record, tags, epoch=asked.epoch, at=caller.at)
            except (ClaimedAlready, OtherTags) as refusal:
                said = {"state": "refused", "code": refusal.code, "detail": message_in(language, refusal)}
            else:
                said = {"state": "claimed"}
            answers.append({"record": one.record, **said})
        return Answer(201, {"claims": answers})

    return once(request, "act_tag_claims", take)
