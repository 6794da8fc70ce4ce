"""Dialect: the steps' SQL, written for DuckDB, as Spark 4 reads it (and Sail, which speaks the same)."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

import sqlglot
from sqlglot import exp

#: What DuckDB computes in 128 bits; loading a methodology has proven that every number fits into 38 digits.
WIDE = "DECIMAL(38, 0)"


@lru_cache(maxsize=1024)
def for_spark(query: str) -> str:
    """The query in Spark's SQL. Integer division stays one: ``//`` becomes ``DIV``, never a division of doubles.

    >>> for_spark("SELECT CAST(a AS HUGEINT) // 7 AS b FROM x ANTI JOIN y ON x.c = y.c")
    'SELECT CAST(a AS DECIMAL(38, 0)) DIV 7 AS b FROM x ANTI JOIN y ON x.c = y.c'
    """
    return parsed(query).sql(dialect="spark")


@lru_cache(maxsize=1024)
def read_by(query: str) -> Counter[str]:
    """How often a query names each relation.

    >>> sorted(read_by("SELECT * FROM a JOIN b ON a.c = b.c JOIN a AS d ON a.c = d.c").items())
    [('a', 2), ('b', 1)]
    """
    return Counter(table.name for table in parsed(query).find_all(exp.Table))


def type_for_spark(name: str) -> str:
    """A column's type, as the files of a bucket are read.

    >>> type_for_spark("VARCHAR"), type_for_spark("INTEGER")
    ('STRING', 'INT')
    """
    kind = parsed(f"SELECT CAST(NULL AS {name})").find(exp.DataType)
    assert kind is not None
    return kind.sql(dialect="spark")


@lru_cache(maxsize=1024)
def parsed(query: str) -> exp.Expr:
    """The query as a tree that nobody changes, with the types that Spark has."""
    wide = exp.DataType.build(WIDE)
    return sqlglot.parse_one(query, read="duckdb").transform(
        lambda node: wide.copy() if isinstance(node, exp.DataType) and node.is_type("INT128") else node
    )
