"""The values that every layer speaks in; they do nothing but hold and merge."""
