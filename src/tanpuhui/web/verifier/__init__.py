"""Verifier: pages of a verifier who looks into lots."""
