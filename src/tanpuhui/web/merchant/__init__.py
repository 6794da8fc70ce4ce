"""Merchant: pages of somebody who makes offers."""
