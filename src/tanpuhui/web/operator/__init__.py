"""Operator: the way of the operator's staff into their console."""
