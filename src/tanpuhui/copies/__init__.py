"""Copies: what a person takes along: their whole record in one file, and a statement on paper."""
