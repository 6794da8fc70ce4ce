"""Console: the operator's back office."""
