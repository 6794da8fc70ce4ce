"""Close: the run that turns a day of activities into reductions, once, and can be replayed."""
