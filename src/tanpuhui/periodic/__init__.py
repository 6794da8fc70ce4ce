"""What time alone makes due: a list of verbs, done again and again by whoever works."""
