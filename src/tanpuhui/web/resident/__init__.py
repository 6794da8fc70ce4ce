"""Resident: a person's own account."""
