"""Operation: what whoever runs the machine does: look for what is wrong, keep copies elsewhere, and bring them back."""
