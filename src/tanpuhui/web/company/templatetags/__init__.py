"""Tags of a resident's pages."""
