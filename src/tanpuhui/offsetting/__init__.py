"""Offsetting: what a company may use against a year's emissions, once, and under a cap."""
