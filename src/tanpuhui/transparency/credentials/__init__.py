"""Credentials: SD-JWT VC (RFC 9901) and Token Status List as formats, without database and Django."""
