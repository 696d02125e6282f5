"""The rules: one table, pure functions that look at an exchange, and the judge that asks them all."""
