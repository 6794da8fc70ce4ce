"""Notary: enters what is certified into the log, and finds whatever was changed in the database since."""
