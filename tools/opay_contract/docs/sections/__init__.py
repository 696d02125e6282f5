"""The parts of the reference, each a pure function from the contract to Markdown."""
