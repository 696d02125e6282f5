"""Contract tests and drift checks for a payment API, driven by a hand-written OpenAPI contract."""

__version__ = "0.1.0"
