"""Pooling: residents' certified reductions, combined into whole tonnes, sold to companies and paid for pro rata."""
