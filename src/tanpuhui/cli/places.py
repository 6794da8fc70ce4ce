"""Places: where this installation's files are, how accounts are divided, and whose rules apply."""

from tanpuhui.close.installation import (
    BUCKETS,
    DEFAULT_BUCKETS,
    JURISDICTION,
    MOST_BUCKETS,
    BadBuckets,
    jurisdiction,
    places,
)

__all__ = [
    "BUCKETS",
    "DEFAULT_BUCKETS",
    "JURISDICTION",
    "MOST_BUCKETS",
    "BadBuckets",
    "jurisdiction",
    "places",
]
