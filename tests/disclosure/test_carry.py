"""A resident carries a statement to a bank: as much as they consented to and choose; its status follows the consent."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from disclosure.people import AT, MINUTE, consent
from tanpuhui.consent.models import Grant
from tanpuhui.consent.policy import policy
from tanpuhui.consent.withdraw import pause, resume, withdraw
from tanpuhui.disclosure.carry import carry
from tanpuhui.disclosure.follow_consent import follow_consent
from tanpuhui.disclosure.hand_over import TIER, hand_over
from tanpuhui.disclosure.look import look
from tanpuhui.disclosure.models import Statement, StatementCredential
from tanpuhui.kit.refusal import Refusal
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.transparency import credential as credentials
from tanpuhui.transparency.credential_status import publish_lists, restore, states_of, suspend
from tanpuhui.transparency.credentials.key import key_from_secret
from tanpuhui.transparency.credentials.present import bind, disclose
from tanpuhui.transparency.credentials.verify import Expected, Held, verify
from tanpuhui.transparency.issuer import issuer, lists
from tanpuhui.transparency.models import Credential

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_home")]
DEMO = load_jurisdiction("demo")
LATER = AT + MINUTE
#: As the specification of token status lists numbers them.
BITS = {"valid": 0, "revoked": 1, "suspended": 2}
HOLDER = key_from_secret(b"h" * 32)


def carried(grant: Grant, **given: object) -> Credential:
    return carry(grant.resident_id, grant.pk, jurisdiction=DEMO, at=AT, **given)  # type: ignore[arg-type]


def held(text: str, **given: str) -> Held:
    """What a bank finds with what is published."""
    publish_lists(policy().origin, at=AT)
    expected = Expected(
        issuer(policy().origin),
        int(AT.timestamp()),
        tuple(one.read_text() for one in lists().iterdir()),
        given.get("audience", "bank"),
        given.get("nonce"),
    )
    return verify(text, expected, lambda one: one)


def state_after(*verbs: object, grant: Grant, one: Credential) -> list[str]:
    states = []
    for verb in verbs:
        verb(grant.pk, at=LATER, method="test")  # type: ignore[operator]
        follow_consent(at=LATER)
        states.append(credentials.state_of(one))
    return states


def test_it_says_what_was_agreed_to_alone_for_that_bank_and_no_act() -> None:
    made = carried(consent(TIER))

    claims = held(credentials.whole(made).compact()).claims

    assert claims["aud"] == "bank"
    assert claims["tier"] is None
    assert set(claims) == {
        "iss", "iat", "exp", "vct", "aud", "status", "schema", "statement", "at", "issuer", "recipient", "purpose",
        "grant", "jurisdiction", "notice", "tier",
    }  # fmt: skip
    assert made.expires_at == AT + timedelta(days=30)


def test_the_tier_alone_does_not_say_how_much() -> None:
    whole = credentials.whole(carried(consent()))

    claims = held(disclose(whole, [("tier",)]).compact()).claims

    assert "tier" in claims
    assert not {"balance", "grant", "statement", "purpose"} & set(claims)


def test_the_bank_is_shown_nothing_of_it_until_the_resident_does() -> None:
    carried(consent())

    assert Statement.objects.count() == 0


def test_bound_to_a_key_it_needs_its_holder() -> None:
    made = carried(consent(), holder=HOLDER)
    shown = bind(credentials.whole(made), HOLDER, audience="bank", nonce="7", at_s=int(AT.timestamp()))

    assert held(shown.text(), nonce="7").is_bound
    with pytest.raises(Refusal) as caught:
        held(credentials.whole(made).text(), nonce="7")
    assert caught.value.code == "credential.key_binding_missing"


def test_nobody_carries_another_ones_nor_without_a_consent_in_force() -> None:
    mine, other = consent(), consent()
    withdraw(mine.pk, at=AT, method="test")

    for account, grant, code in (
        (other.resident_id, mine.pk, "disclosure.unknown_grant"),
        (mine.resident_id, mine.pk, "disclosure.nothing_to_hand_over"),
        (mine.resident_id, 404, "disclosure.unknown_grant"),
    ):
        with pytest.raises(Refusal) as caught:
            carry(account, grant, jurisdiction=DEMO, at=LATER)
        assert caught.value.code == code


def test_a_withdrawal_revokes_it_and_a_pause_suspends_it_until_the_consent_goes_on() -> None:
    grant, ended = consent(), consent()
    paused, over = carried(grant), carried(ended)
    assert follow_consent(at=AT) == 0

    assert state_after(pause, resume, grant=grant, one=paused) == ["suspended", "valid"]
    assert state_after(withdraw, grant=ended, one=over) == ["revoked"]
    suspend(paused, reason="looked at", by="operator", at=LATER)
    assert follow_consent(at=LATER) == 0
    assert credentials.state_of(paused) == "suspended"


@pytest.mark.parametrize(
    ("steps", "states"),
    [
        ("pause suspend resume restore", "suspended suspended suspended valid"),
        ("pause suspend restore resume", "suspended suspended suspended valid"),
        ("suspend pause resume restore", "suspended suspended suspended valid"),
        ("suspend pause restore resume", "suspended suspended suspended valid"),
        (
            "pause suspend resume pause restore resume",
            "suspended suspended suspended suspended suspended valid",
        ),
        ("suspend withdraw", "suspended revoked"),
        ("pause suspend withdraw", "suspended suspended revoked"),
    ],
)
def test_neither_the_consent_nor_the_operator_undoes_what_the_other_suspended(
    steps: str, states: str
) -> None:
    grant = consent()
    one = carried(grant)
    consents = {"pause": pause, "resume": resume, "withdraw": withdraw}
    found = []
    for step in steps.split():
        if step in consents:
            consents[step](grant.pk, at=LATER, method="test")
        else:
            by_hand = suspend if step == "suspend" else restore
            assert by_hand(one, reason="looked at", by="operator", at=LATER) is not None
        follow_consent(at=LATER)
        assert follow_consent(at=LATER) == 0
        publish_lists(policy().origin, at=LATER)
        assert states_of(one.status_list)[one.status_index] == BITS[credentials.state_of(one)]
        found.append(credentials.state_of(one))

    assert found == states.split()


def test_what_a_pause_suspended_is_no_operators_to_restore_and_the_database_agrees() -> None:
    grant = consent()
    one = carried(grant)
    pause(grant.pk, at=LATER, method="test")
    follow_consent(at=LATER)

    with pytest.raises(Refusal) as caught:
        restore(one, reason="never mind", by="operator", at=LATER)
    assert caught.value.code == "credential.suspension_of_another"
    with pytest.raises(DatabaseError, match="suspended does not become valid"), transaction.atomic():
        one.steps.create(sequence=2, state="valid", reason="forced", by="operator", at=LATER)
    with pytest.raises(DatabaseError, match="suspended does not become suspended"), transaction.atomic():
        one.steps.create(sequence=2, state="suspended", reason="again", by="consent", at=LATER)
    suspend(one, reason="looked at", by="operator", at=LATER)
    assert suspend(one, reason="looked at", by="operator", at=LATER) is None
    assert restore(one, reason="goes on", by="consent", at=LATER) is None
    assert [(step.state, step.by) for step in one.steps.order_by("sequence")] == [
        ("suspended", "consent"),
        ("suspended", "operator"),
    ]


def test_what_the_bank_fetched_with_a_code_follows_the_consent_too() -> None:
    grant = consent()
    code, _ = hand_over(grant.resident_id, grant.pk, at=AT)
    look(code, "bank", jurisdiction=DEMO, at=LATER)
    [one] = StatementCredential.objects.select_related("credential")

    assert state_after(withdraw, grant=grant, one=one.credential) == ["revoked"]
