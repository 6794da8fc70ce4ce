"""Erasure: a person is taken out of this installation, for good; what others rest on still adds up."""
