"""Rights: what people ask about their own record, and how they do it at a counter."""
