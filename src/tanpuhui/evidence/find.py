"""Find: whose account a provider's pseudonym is, for an operator who was told it. Nothing new is stored."""

from __future__ import annotations

import hmac

from tanpuhui.evidence.contract import latest
from tanpuhui.evidence.models import Contract, SubjectLink
from tanpuhui.evidence.subjects import pseudonym_key


def account_of(provider: str, pseudonym: str) -> int | None:
    """The account that a pseudonym is linked to, under any key that the provider's contracts named."""
    latest(provider)
    by_key = {contract.pseudonym_key: contract for contract in Contract.objects.filter(provider=provider)}
    digests = [
        hmac.digest(pseudonym_key(contract), pseudonym.encode(), "sha256") for contract in by_key.values()
    ]
    found = SubjectLink.objects.filter(subject__provider=provider, subject__digest__in=digests)
    return found.values_list("account_id", flat=True).first()
