"""Public: what anybody may see without signing in."""
