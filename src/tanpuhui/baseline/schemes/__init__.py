"""Schemes: rules by which programmes issue reductions, tried on a synthetic city whose truth is known."""
