"""The installation: settings, database, and the start of everything that needs Django."""
