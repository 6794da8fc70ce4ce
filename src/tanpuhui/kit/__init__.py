"""Exact numbers, digests, moments, files and refusals: what every stage needs and no carbon words."""
