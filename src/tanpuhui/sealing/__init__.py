"""Sealing: personal words are stored under their person's own key, and nobody reads them once that is destroyed."""
