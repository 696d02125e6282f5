"""One contract for the whole corpus: OPay's, and beside it the invented one with the other keywords."""

import json
import shutil
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[4]
LEDGER = ROOT / "contract_tests" / "tool" / "whole" / "contracts" / "ledger"


def write_contract(folder: Path) -> Path:
    """Write it into a folder of its own below `folder`, and return that."""
    target = folder / "contract"
    shutil.copytree(ROOT / "schemas", target / "schemas")
    shutil.copytree(LEDGER / "schemas", target / "schemas", dirs_exist_ok=True)
    root, ledger = _load(ROOT), _load(LEDGER)
    for name in ("servers", "paths"):
        root[name] = root[name] + ledger[name] if isinstance(root[name], list) else root[name] | ledger[name]
    (target / "openapi.yaml").write_text(json.dumps(root, ensure_ascii=False, indent=1), encoding="utf-8")
    return target


def _load(directory: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((directory / "openapi.yaml").read_text(encoding="utf-8"))
    return loaded
