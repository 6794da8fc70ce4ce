"""Sign in: codes by e-mail, passkeys, a city's identity service; and opening an account."""
