"""Certificates: one for each surrender, numbered without a gap, signed; what is annulled later is said beside them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from ledger.bookings import in_parallel
from offsetting.filings import GUANGDONG, ask, declared, sound
from registry.units_town import ACME, AT, BOLT, given, new_lot
from tanpuhui.kit.digest import digest_json
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.invariants import exceptions
from tanpuhui.offsetting.certificate import (
    annulled_of,
    as_json,
    certify_credential,
    certify_surrender,
    check,
    credential_of,
    find_certificate,
    signed,
)
from tanpuhui.offsetting.follow_annulment import follow_annulments
from tanpuhui.offsetting.invariants import INVARIANTS
from tanpuhui.offsetting.models import Certificate, CertificateRange, Reservation
from tanpuhui.offsetting.number import numbered, sequence_of
from tanpuhui.offsetting.refusals import CertificateInvalid, NotSurrendered, UnknownCertificate
from tanpuhui.offsetting.release import release
from tanpuhui.offsetting.replace import replace
from tanpuhui.offsetting.surrender import surrender
from tanpuhui.registry.annul import annul
from tanpuhui.transparency.credential_status import restore, revoke, suspend

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_home")]


def surrendered(tonnes: int = 5, company: int = ACME) -> Certificate:
    reservation = surrender(ask(tonnes * TONNE_MG, company=company).pk, key="s", at=AT)
    return reservation.certificate


def test_a_surrender_of_the_whole_cap_is_certified_with_rule_and_arithmetic() -> None:
    lot = new_lot(150_000, jurisdiction="guangdong", status="official")
    given(ACME, lot, 150_000)
    declared(1_000_000, GUANGDONG, year=2022)
    reservation = ask(100_000 * TONNE_MG, GUANGDONG, year=2022)

    surrender(reservation.pk, key="s", at=AT)

    said = Certificate.objects.get(reservation=reservation).content
    assert (said["number"], said["kind"], said["year"], said["tonnes"]) == (
        "C000001-95",
        "surrender",
        2022,
        100_000,
    )
    assert said["rule"]["name"] == "guangdong/offset_caps/2021-01-01"
    assert said["rule"]["arithmetic"] == (
        "1000000 t verified emissions * 10 / 100 = 100000 t = 100000000000000 mg"
    )
    [one] = said["ranges"]
    assert (one["lot"], one["vintage"], one["methodology"], one["status"]) == (
        lot,
        2026,
        "shanghai/rooftop-pv@1",
        "official",
    )
    assert (one["serial_first"], one["serial_last"]) == (1, 100_000)
    assert said["weakest_status"] == "official"
    assert said["address"].endswith("/certificates/C000001-95/")


def test_a_certificate_verifies_with_the_public_key_alone_and_not_when_a_byte_is_changed() -> None:
    given(ACME, new_lot(10), 10)
    declared(100)
    said = as_json(surrendered())

    assert check(said["signed"], said["key"]) == said["certificate"]
    assert said["digest"] == digest_json(said["certificate"])

    jwt, _, shown = said["signed"].partition("~")
    header, payload, signature = jwt.split(".")
    for wrong in (
        f"{header}.{payload[:-1]}.{signature}~{shown}",
        f"{header}.{payload}.{signature[:-4]}AAAA~{shown}",
        f"{jwt}~{shown[:9]}A{shown[10:]}",
    ):
        with pytest.raises(CertificateInvalid):
            check(wrong, said["key"])


def test_it_is_issued_once_however_often_it_is_asked_for() -> None:
    given(ACME, new_lot(10), 10)
    declared(100)
    first = surrendered()

    assert certify_surrender(first.reservation, at=AT) == first
    surrender(first.reservation_id, key="s", at=AT)
    assert Certificate.objects.count() == 1
    assert find_certificate(" c000001-95 ") == first


def test_what_was_not_surrendered_has_none() -> None:
    given(ACME, new_lot(10), 10)
    declared(100)
    kept, given_up = ask(TONNE_MG), ask(TONNE_MG)
    release(given_up.pk, key="r", at=AT)

    for reservation in (kept, given_up):
        with pytest.raises(NotSurrendered):
            certify_surrender(reservation, at=AT)
    for number in ("C000001-95", "C000001-59", "1", "", "C000000-98"):
        with pytest.raises(UnknownCertificate):
            find_certificate(number)


def test_every_digit_of_a_number_that_is_misread_is_found() -> None:
    number = numbered(123_456)
    places = [at for at, one in enumerate(number) if one.isdigit()]

    wrong = [
        number[:at] + other + number[at + 1 :]
        for at in places
        for other in "0123456789"
        if other != number[at]
    ]

    assert sequence_of(number) == 123_456
    assert [one for one in wrong if sequence_of(one) is not None] == []


@pytest.mark.django_db(transaction=True)
def test_surrenders_at_one_moment_are_numbered_one_after_the_other() -> None:
    with transaction.atomic():
        lot = new_lot(40)
        for company in (ACME, BOLT):
            given(company, lot, 20)
            declared(1_000, company=company)
        reservations = [ask(TONNE_MG, company=(ACME, BOLT)[each % 2]).pk for each in range(8)]

    def use(each: int) -> Any:
        with transaction.atomic():
            return surrender(reservations[each], key="s", at=AT)

    results = in_parallel(8, use)

    assert all(isinstance(result, Reservation) for result in results), results
    assert sorted(Certificate.objects.values_list("sequence", flat=True)) == list(range(1, 9))
    sound()


def test_what_was_annulled_afterwards_is_said_beside_it_with_what_replaces_it() -> None:
    wrong, good = new_lot(6), new_lot(20)
    given(ACME, wrong, 6)
    given(ACME, good, 20)
    declared(100)
    certificate = surrendered(10)
    before = dict(certificate.content)
    assert annulled_of(certificate) == []

    annul(wrong, reason="the meter was turned back", at=AT)
    [owed] = annulled_of(certificate)
    assert (owed.lot, owed.tonnes, owed.reason, owed.replaced_by) == (
        wrong,
        6,
        "the meter was turned back",
        None,
    )
    replace(certificate.reservation_id, wrong, key="p", at=AT)

    [made_good] = annulled_of(certificate)
    assert [(one["lot"], one["tonnes"]) for one in made_good.replaced_by or ()] == [(good, 6)]
    certificate.refresh_from_db()
    assert certificate.content == before
    assert check(signed(certificate).compact()) == before
    # What stood in for it is annulled too: all 10 t of that lot count no more.
    annul(good, reason="that one too", at=AT)
    assert [(one.lot, one.tonnes) for one in annulled_of(certificate)] == [(wrong, 6), (good, 10)]


def test_illustrative_factors_of_one_lot_make_the_whole_certificate_illustrative() -> None:
    given(ACME, new_lot(3, status="published"), 3)
    given(ACME, new_lot(3, status="illustrative"), 3)
    declared(100)

    assert surrendered(5).content["weakest_status"] == "illustrative"


def test_a_certificate_is_never_edited_and_a_wrong_one_is_found() -> None:
    given(ACME, new_lot(10), 10)
    declared(100)
    first = surrendered()
    with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic():
        Certificate.objects.update(digest="x")
    other = ask(TONNE_MG)
    Certificate.objects.create(
        number=numbered(7),
        sequence=7,
        company=ACME,
        reservation=other,
        content=first.content,
        digest=first.digest,
        issued_at=AT,
    )

    found = [finding for one in INVARIANTS for finding in exceptions(connection, one)]

    assert [(one.invariant, one.key) for one in found] == [("certificates_follow_each_other", numbered(7))]


@pytest.mark.django_db(transaction=True)
def test_one_serial_is_never_in_two_certificates_however_many_try_at_once() -> None:
    with transaction.atomic():
        given(ACME, new_lot(40), 40)
        declared(1_000)
        first, second = surrendered(5), surrendered(5)
    numbers = [one.serial_ranges.get() for one in (first, second)]
    assert (numbers[0].first, numbers[0].last, numbers[1].first) == (1, 5, 6)

    def attempt(each: int) -> int:
        """Fifty ranges that overlap in every way, one after the other."""
        written = 0
        for place in range(50):
            start = (each * 7 + place * 3) % 20 + 1
            with suppress(IntegrityError), transaction.atomic():
                CertificateRange.objects.create(certificate=first, first=start, last=start + place % 4)
                written += 1
        return written

    in_parallel(8, attempt)

    taken = [one for each in CertificateRange.objects.all() for one in range(each.first, each.last + 1)]
    assert len(taken) == len(set(taken)) > 10
    with pytest.raises(IntegrityError, match="offsetting_serial_in_one_certificate"), transaction.atomic():
        CertificateRange.objects.create(certificate=second, first=5, last=5)


def test_a_revoked_certificate_gets_another_credential_and_a_living_one_does_not() -> None:
    given(ACME, new_lot(10), 10)
    declared(100)
    certificate = surrendered()
    living = credential_of(certificate)
    assert certify_credential(certificate, at=AT) == living

    revoke(living, reason="issued by mistake", by="test", at=AT)
    again = certify_credential(certificate, at=AT)

    assert (again.sequence, as_json(certificate)["status"]) == (2, "valid")
    assert check(signed(certificate).compact()) == certificate.content


def test_an_annulled_lot_suspends_the_certificate_until_other_tonnes_stand_in() -> None:
    wrong, good = new_lot(6), new_lot(20)
    given(ACME, wrong, 6)
    given(ACME, good, 20)
    declared(100)
    certificate = surrendered(6)
    assert follow_annulments(at=AT) == 0

    annul(wrong, reason="the meter was turned back", at=AT)
    assert (follow_annulments(at=AT), follow_annulments(at=AT)) == (1, 0)
    assert as_json(certificate)["status"] == "suspended"
    credential = credential_of(certificate)
    for by_hand, state in ((suspend, "suspended"), (restore, "suspended")):
        assert by_hand(credential, reason="looked at", by="operator", at=AT) is not None
        follow_annulments(at=AT)
        assert as_json(certificate)["status"] == state
    replace(certificate.reservation_id, wrong, key="p", at=AT)

    assert follow_annulments(at=AT) == 1
    assert as_json(certificate)["status"] == "valid"
    suspend(credential_of(certificate), reason="looked at", by="operator", at=AT)
    assert follow_annulments(at=AT) == 0
    assert as_json(certificate)["status"] == "suspended"
