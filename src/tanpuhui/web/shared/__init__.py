"""Shared: the frame around every page: base template, stylesheet, components, languages, errors and access."""
