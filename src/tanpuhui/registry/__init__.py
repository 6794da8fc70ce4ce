"""Registry: reductions certified together, their serial range, and who holds which share."""
