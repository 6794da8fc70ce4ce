"""Places: where this installation's files are, how accounts are divided, and whose rules apply."""

from __future__ import annotations

from tanpuhui.close.installation import BUCKETS, DEFAULT_BUCKETS, BadBuckets, jurisdiction, places

__all__ = ["BUCKETS", "DEFAULT_BUCKETS", "BadBuckets", "jurisdiction", "places"]
