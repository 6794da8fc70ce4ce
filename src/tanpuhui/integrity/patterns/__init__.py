"""Patterns: how credit is taken without the act, each as a rule over columns. No Django, no names, no clock."""
