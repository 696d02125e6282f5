"""What tests of a contract need: values made from its schemas. Needs the extra `opay-contract[test]`."""

from opay_contract.suite.generation import from_schema

__all__ = ["from_schema"]
