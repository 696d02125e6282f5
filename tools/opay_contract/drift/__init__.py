"""Folds findings and evidence into one summary."""
