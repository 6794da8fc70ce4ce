"""Resident: a person's own account as JSON, for a mini-program or an app, with a token that the person made."""
