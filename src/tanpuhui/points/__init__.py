"""Points: the second book. What sponsors fund and owe, offers, redemptions, and settlement with merchants."""
