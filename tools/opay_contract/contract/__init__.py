"""The contract: openapi.yaml and schemas/, read once, resolved locally, with the line of every statement."""
