"""Access: who may sign in, for which account or organisation, what they did, and what two people must agree to."""
