"""Inputs: everything a close depends on, gathered at one moment and frozen by digest before anything is computed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection, transaction

from tanpuhui.close.models import Manifest
from tanpuhui.close.store import Store, checked
from tanpuhui.consent import gate
from tanpuhui.evidence import lake as evidence_lake
from tanpuhui.evidence import stations
from tanpuhui.kit.moment import day_bounds_us, to_us
from tanpuhui.methodology.load import Library
from tanpuhui.quantify.bucket import BucketFiles, Window
from tanpuhui.quantify.engines.duckdb import DuckDb
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.quantify.rules import Reporter, Rules, rules_of

FROZEN = "frozen"
RESULTS = "closes"
#: The bucket of records whose person is unknown at the moment of the close.
NOBODY = -1
#: Days around the closed one whose raw records may belong to its acts: a week of slots before, a day of taps after.
DAYS_BEFORE = 7
DAYS_AFTER = 1
CREDIT_SCHEMA = pa.schema(
    [("account_id", pa.int64()), ("methodology", pa.string()), ("credited_mg", pa.int64())]
)
PRIOR_SCHEMA = pa.schema([("account_id", pa.int64()), ("methodology", pa.string()), ("year_mg", pa.int64())])


@dataclass(frozen=True)
class Places:
    """Where the files of this installation are, and into how many buckets accounts are divided."""

    lake: Path
    buckets: int

    @property
    def frozen(self) -> Store:
        return Store(self.lake, FROZEN)

    @property
    def results(self) -> Store:
        return Store(self.lake, RESULTS)
