"""Access: who signs in, what each may do, and the trail of what was done."""
