"""The reference made from the contract: one page that needs nothing else, and Markdown."""
