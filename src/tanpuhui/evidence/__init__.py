"""Evidence: providers' files in, every row accounted for, accepted records in the lake."""
