"""Money: amounts and currencies, what a bank's statements say, and what organisations and residents have here."""
