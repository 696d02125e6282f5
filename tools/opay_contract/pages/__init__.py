"""The frame of every HTML page that the package writes: one skeleton, one style, and a strict policy."""
