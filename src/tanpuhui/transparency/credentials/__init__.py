"""Credentials: SD-JWT VC (RFC 9901) and Token Status List as formats: issue, present, verify. No database, no Django."""
