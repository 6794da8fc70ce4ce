"""Verification: what a verifier does with a lot before it is certified, from engagement to signed statement."""
