"""Quantify: activities and methodologies make reductions, in columns, exactly."""
