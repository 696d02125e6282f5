"""The rules: one table, pure functions that look at an exchange, and a fast path for those that conform."""
