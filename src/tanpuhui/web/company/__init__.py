"""Company: pages of a company that uses certified reductions."""
