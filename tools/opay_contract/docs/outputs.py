"""Makes the files of the reference: the same bytes from the same contract, evidence and renderer."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import ROOT, build_contract, default_directory, load_documents
from opay_contract.docs.assets import load_renderer
from opay_contract.docs.evidence import Evidence
from opay_contract.docs.markdown import document, plain
from opay_contract.docs.page import render_page
from opay_contract.docs.reference import Reference, Section
from opay_contract.docs.sections.contents import build_sections
from opay_contract.errors import ContractError

PAGE = "index.html"
MARKDOWN = "reference.md"

Gather = Callable[[Contract], Evidence]
"""Returns what recordings say about a contract."""


def build_outputs(directory: Path | None, gather: Gather | None, *, live: bool = False) -> Mapping[str, str]:
    """Return the text of each file by its name; raises ContractError when the contract is not sound.

    `gather` tells what recordings say about a contract, None where nothing was verified.
    """
    contract = build_contract(load_documents(directory or default_directory()))
    reference = Reference(contract=contract, evidence=gather(contract) if gather else None)
    try:
        sections = build_sections(reference)
        page = render_page(reference, sections, load_renderer(), live=live)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ContractError(
            f"{ROOT}: a member is missing or of another type near {error}; `opay-contract spec` says which"
        ) from error
    return {PAGE: page, MARKDOWN: _render_reference(reference, sections)}


def _render_reference(reference: Reference, sections: tuple[Section, ...]) -> str:
    info = reference.root.get("info", {})
    made = "Made by `opay-contract docs` from openapi.yaml and schemas/; change those, not this file."
    contents = "\n".join(f"- [{section.title}](#{_github_anchor(section.title)})" for section in sections)
    parts = (part for section in sections for part in (f"## {section.title}", section.markdown))
    title = f"# {plain(info.get('title', 'API'))} {plain(info.get('version', ''))}".rstrip()
    return document([title, made, contents, *parts])


def _github_anchor(title: str) -> str:
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
