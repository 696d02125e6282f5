"""A proposal as JSON for programs, in structures of its own with a version and a published schema."""

import json
from dataclasses import asdict
from functools import cache
from importlib import resources
from typing import Any

from opay_contract.contract.used import ContractUsed
from opay_contract.report.json_report import build_contract_used
from opay_contract.suggest.diff import render_revision
from opay_contract.suggest.edit import Edit
from opay_contract.suggest.suggestion import Evidence, Proposal, Suggestion
from opay_contract.suggest.words import describe_thresholds

SCHEMA_VERSION = 1


@cache
def suggestions_schema() -> Any:
    """Return the published schema of what this writes."""
    file = resources.files(__package__) / "suggestions-v1.schema.json"
    return json.loads(file.read_text(encoding="utf-8"))


def render_suggestions(proposal: Proposal, used: ContractUsed | None = None) -> str:
    """Return a proposal as JSON text."""
    return (
        json.dumps(
            {
                "schema_version": SCHEMA_VERSION,
                "contract": build_contract_used(used),
                "exchanges": proposal.exchanges,
                "unreadable": proposal.unreadable,
                "thresholds": asdict(proposal.thresholds)
                | {"text": describe_thresholds(proposal.thresholds)},
                "suggestions": [_suggestion(one) for one in proposal.suggestions],
                "files": [
                    {"file": revision.name, "diff": render_revision(revision)}
                    for revision in proposal.revisions
                ],
            },
            indent=2,
            ensure_ascii=False,
        )
        + "\n"
    )


def _suggestion(suggestion: Suggestion) -> dict[str, Any]:
    place = suggestion.contract
    return {
        "judgement": suggestion.judgement.value,
        "because": suggestion.because,
        "action": suggestion.action,
        "rule": suggestion.rule or None,
        "question": suggestion.question or None,
        "scopes": list(suggestion.scopes),
        "pointers": list(suggestion.pointers),
        "fingerprints": list(suggestion.fingerprints),
        "evidence": _evidence(suggestion.evidence),
        "contract": place
        and {"file": place.file, "line": place.line, "column": place.column, "pointer": place.pointer},
        "edits": [_edit(edit) for edit in suggestion.edits],
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "count": evidence.count,
        "of": evidence.of,
        "before": evidence.before,
        "days": evidence.days,
        "first_seen": evidence.first_seen,
        "last_seen": evidence.last_seen,
    }


def _edit(edit: Edit) -> dict[str, Any]:
    members = {name: getattr(edit, name) for name in edit.__dataclass_fields__}
    return {"do": type(edit).__name__.lower(), **members, "at": list(edit.at)}
