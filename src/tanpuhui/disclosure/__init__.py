"""Disclosure: what a resident lets a bank see of their account, and nothing else."""
