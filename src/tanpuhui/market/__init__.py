"""Market: organisations trade whole tonnes for money: by listing, by agreement, by auction; both sides move at once."""
