"""Provider: pages of an organisation that reports acts."""
