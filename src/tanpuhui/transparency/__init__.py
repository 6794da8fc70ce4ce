"""Transparency: a log of records that cannot be rewritten without being noticed, its witnesses, and proofs of it."""
