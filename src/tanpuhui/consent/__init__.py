"""Consent: who may report or receive what about a resident, for which purpose, from when to when."""
