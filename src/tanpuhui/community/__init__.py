"""Community: goals, groups, challenges and a board: what people do together, of their own will and in sums."""
