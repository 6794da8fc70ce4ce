"""Command line: the only place that knows argv, exit status and what a terminal looks like."""
