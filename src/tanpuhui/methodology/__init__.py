"""Methodology: a folder of text and numbers that says what an act avoided, and two ways to work it out."""
