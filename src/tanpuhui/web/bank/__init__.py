"""Bank: pages of a bank that reads consented statements."""
