"""Web: pages for people, one package for each audience; what they have in common is in ``shared``."""
