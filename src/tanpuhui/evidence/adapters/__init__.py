"""Adapters: one file for each format that providers really use."""
