"""Two summaries side by side: what came, what went."""
