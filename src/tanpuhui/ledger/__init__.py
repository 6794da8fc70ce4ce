"""Ledger: double entry in PostgreSQL, with its rules in the database."""
