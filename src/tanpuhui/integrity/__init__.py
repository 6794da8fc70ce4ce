"""Integrity: what people say against how an act ended, and what is answered."""
