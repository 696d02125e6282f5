"""The command `spec`: is the contract itself sound."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from opay_contract.cli.exit_codes import ExitCode
from opay_contract.cli.options import contract_option
from opay_contract.contract.loading import default_directory
from opay_contract.soundness.problem import Problem
from opay_contract.soundness.proof import Proof, prove_contract


@click.command()
@contract_option
@click.option(
    "--format", "format_out", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def spec(contract_dir: Path | None, format_out: str) -> None:
    """Prove that the contract itself is sound.

    Checks openapi.yaml and schemas/ against their meta-schemas, every reference, every example, every
    `x-` member. Each problem is named by file, line and column. Exit codes: 0 sound, 1 problems, 2 no
    contract there.
    """
    proof = prove_contract(contract_dir or default_directory())
    click.echo(_render_json(proof) if format_out == "json" else _render_text(proof))
    raise click.exceptions.Exit(ExitCode.FINDINGS if proof.problems else ExitCode.CLEAN)


def _render_text(proof: Proof) -> str:
    return "\n".join([*map(_line, proof.problems), _summary(proof)])


def _line(problem: Problem) -> str:
    place = f"{problem.file}:{problem.line}:{problem.column}"
    return f"{place}: error {problem.check}: {problem.message}"


def _summary(proof: Proof) -> str:
    checked = (
        f"{proof.documents} documents, {proof.schemas} schemas, {proof.examples} examples, "
        f"{proof.references} references checked."
    )
    number = len(proof.problems)
    return (
        f"{number} {'problem' if number == 1 else 'problems'} in {checked}" if number else f"Sound: {checked}"
    )


def _render_json(proof: Proof) -> str:
    return json.dumps({"schema_version": 1, "sound": not proof.problems, **asdict(proof)}, indent=2)
