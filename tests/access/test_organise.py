"""Organisations keep their kind and code."""

from __future__ import annotations

import pytest
from django.db import ProgrammingError, transaction

from access.people import AT, LATER, organisation
from consent.people import in_parallel
from tanpuhui.access.models import Organisation
from tanpuhui.access.organise import get_organisation, organise
from tanpuhui.access.refusals import BadOrganisation, OrganisationTaken, UnknownOrganisation


def bank(code: str = "green-bank", name_en: str = "Green Bank") -> Organisation:
    return organise(Organisation.BANK, code, name_zh="绿色银行", name_en=name_en, at=AT)


@pytest.mark.django_db
def test_the_same_again_is_the_same_and_another_name_under_the_code_is_refused() -> None:
    first = bank()

    assert bank() == first
    with pytest.raises(OrganisationTaken):
        bank(name_en="Other Bank")
    with pytest.raises(OrganisationTaken):
        organise(Organisation.COMPANY, "green-bank", name_zh="绿色银行", name_en="Green Bank", at=LATER)


@pytest.mark.django_db
@pytest.mark.parametrize("code", ["", "Bank", "-bank", "b" * 61, "a b", "../bank", "银行"])
def test_a_code_that_does_not_fit_an_address_is_refused(code: str) -> None:
    with pytest.raises(BadOrganisation):
        bank(code)


@pytest.mark.django_db
def test_codes_of_one_and_of_sixty_letters_are_the_limits() -> None:
    assert [bank(code).code for code in ("a", "b" * 60)] == ["a", "b" * 60]


@pytest.mark.django_db
def test_another_kind_and_an_empty_name_are_refused() -> None:
    with pytest.raises(BadOrganisation):
        organise("charity", "one", name_zh="甲", name_en="One", at=AT)
    with pytest.raises(BadOrganisation):
        organise(Organisation.BANK, "one", name_zh=" ", name_en="One", at=AT)
    with pytest.raises(UnknownOrganisation):
        get_organisation("one")


@pytest.mark.django_db
def test_a_name_may_change_and_a_kind_may_not() -> None:
    known = organisation()
    Organisation.objects.filter(pk=known.pk).update(name_en="Renamed")

    with pytest.raises(ProgrammingError, match="keeps its kind and code"), transaction.atomic():
        Organisation.objects.filter(pk=known.pk).update(kind=Organisation.BANK)

    known.refresh_from_db()
    assert (known.name("en"), known.name("zh-hans"), known.kind) == ("Renamed", "甲", "company")


@pytest.mark.django_db(transaction=True)
def test_registered_by_many_at_once_it_is_there_once() -> None:
    answers = in_parallel([bank] * 5)

    assert {answer.pk for answer in answers} == {get_organisation("green-bank").pk}
