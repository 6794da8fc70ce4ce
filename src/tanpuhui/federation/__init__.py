"""Platforms that agree: a district's accounts with a city's registry, and two cities that recognise tonnes."""
