"""Web: the pages of residents, providers, partners and the public."""
