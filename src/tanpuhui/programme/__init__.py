"""Programme: what a saving programme of homes saved in all, and how that becomes reductions of its homes."""
