"""Runs the command as `python -m opay_contract`."""

from opay_contract.cli.main import main

main()
