"""Console: what the operator's staff see and do, in one place, with four eyes on what mints, cancels or reveals."""
