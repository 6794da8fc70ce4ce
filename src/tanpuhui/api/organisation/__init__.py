"""The API of organisations that are no providers: merchants take redemptions, companies offset."""
