"""Kinds: what a credential is about, by its ``vct``. A name that is here never means anything else."""

from __future__ import annotations

BALANCE = "urn:tanpuhui:balance-statement:1"
RETIREMENT = "urn:tanpuhui:retirement-certificate:1"
SURRENDER = "urn:tanpuhui:surrender-certificate:1"
PORTABILITY = "urn:tanpuhui:account-portability:1"
KINDS = (BALANCE, RETIREMENT, SURRENDER, PORTABILITY)
#: Kinds whose serial numbers are in the log.
LOGGED = (RETIREMENT, SURRENDER)
