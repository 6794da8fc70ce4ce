"""Tags of public pages."""
