"""Client: a thin, typed client of the API for providers and residents' apps."""
