"""Formats of numbers and dates, where Django's own would be misread or lack separators."""
