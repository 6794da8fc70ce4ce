"""API: JSON over HTTP for residents, providers and partners; the only place beside web and console that knows HTTP."""
