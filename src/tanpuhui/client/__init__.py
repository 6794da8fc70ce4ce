"""What a provider installs: a thin typed client of the provider's API. It imports nothing of the platform."""

from __future__ import annotations

from tanpuhui.client.client import Client, Problem
from tanpuhui.client.key import SigningKey, generate_key, read_key

__all__ = ["Client", "Problem", "SigningKey", "generate_key", "read_key"]
