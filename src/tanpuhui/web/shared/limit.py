"""Limit: how often somebody may try something that could be guessed; counted in the cache that workers share."""

from __future__ import annotations

from django.core.cache import caches


def is_over(what: str, who: object, *, most: int, within_s: int) -> bool:
    """Count one more try; whether it is one too many within this time."""
    cache, key = caches["default"], f"limit|{what}|{who}"
    if cache.add(key, 1, within_s):
        return False
    try:
        return int(cache.incr(key)) > most
    except ValueError:
        # It ran out between the two: this is the first try of a new count.
        cache.set(key, 1, within_s)
        return False
