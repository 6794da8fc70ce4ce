"""Tanpuhui: personal carbon accounts, from a provider's file to a certified reduction."""
