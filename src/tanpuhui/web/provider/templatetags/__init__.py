"""Tags of a provider's pages."""
