"""Demo: a synthetic city whose truth is known, taken through the product from providers' files to a certified lot."""
