"""Baseline: what would have happened without the act, and how sure anybody can be of it. NumPy and SciPy, no Django."""
