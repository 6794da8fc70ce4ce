"""The provider's API: batches in, receipts and refused rows out, corrections, retractions, quality, keys, a sandbox."""
