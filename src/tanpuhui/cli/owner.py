"""Owner: a command that only the owner of the tables may do takes that role for all it does."""

from __future__ import annotations


def become_owner() -> None:
    """From here on this process's database is the owner's connection; where there is no other role, nothing changes."""
    from django.db import connections

    if "owner" not in connections.databases:
        return
    connections["default"].close()
    connections.databases["default"] = connections.databases["owner"]
    del connections["default"]
