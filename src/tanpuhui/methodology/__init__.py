"""Methodology: a folder of text and numbers that says what an activity avoided, and two ways to work it out."""
