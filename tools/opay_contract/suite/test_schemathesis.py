"""What schemathesis makes up, sent to the target: examples, coverage and fuzzing, sound data and unsound.

A mock is asked over its socket unless that is recorded; any other target through the careful client.
"""

from pathlib import Path

from hypothesis import settings

from opay_contract.suite.breach import Breach, Discrepancy
from opay_contract.suite.client import Client
from opay_contract.suite.questions import ApiJudge, ApiTarget
from opay_contract.suite.schemathesis_teaching import SETTINGS, Forwarder, Run, run_schemathesis


def test_what_schemathesis_makes_up_is_answered_as_the_contract_says(
    target: ApiTarget, judge: ApiJudge, client: Client, contract_file: Path
) -> None:
    through_client = target.is_real or bool(client.listeners)
    run = Run(
        openapi=contract_file,
        settings=SETTINGS,
        seed=1,
        examples=settings().max_examples if target.is_real else None,
        app=Forwarder(client, target.base_url) if through_client else None,
        base_url=None if through_client else target.base_url,
    )
    report = run_schemathesis(judge, run)
    found = [one for line in report.failures for one in discrepancies_in(line)]
    if found:
        told = [one for one in found if one.rule != "answer_fits_schema"]  # contract_rules says where
        raise Breach(told or found)
    if not report.phases.total():
        asked = "what schemathesis makes up"
        raise Breach([Discrepancy(rule="something is sent", found="nothing was", asked=asked)])


def discrepancies_in(line: str) -> list[Discrepancy]:
    """Return what a failure says; the contract's rules are told as the other tests tell them."""
    phase, _, rest = line.partition(": ")
    check, _, said = rest.partition(": ")
    asked = f"what schemathesis made up ({phase})"
    if check != "contract_rules":
        return [Discrepancy(rule=check or phase, found=said or rest, asked=asked)]
    parts = [one.partition(" ") for one in said.splitlines()]
    return [Discrepancy(rule=rule, found=found, asked=asked) for rule, _, found in parts]
