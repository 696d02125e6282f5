"""Recordings of Postman's own code: Newman's report, and a collection with the answers saved in it."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from .server import Running
from .traffic import HOST, PATH


def record_postman(running: Running, folder: Path) -> None:
    """Write newman.json and postman-2.1.json, and in the clean corpus postman-2.0.json."""
    calls = [{"path": PATH, "headers": call.headers(), "body": _text(call.body)} for call in running.calls]
    settings = {
        "CORPUS_PORT": str(running.https_port),
        "CORPUS_MODE": running.mode,
        "CORPUS_URL": f"https://{HOST}",
        "CORPUS_NODE_MODULES": os.environ["CORPUS_NODE_MODULES"],
        "NODE_NO_WARNINGS": "1",
    }
    with tempfile.TemporaryDirectory() as scratch:
        listed = Path(scratch) / "calls.json"
        listed.write_text(json.dumps(calls), encoding="utf-8")
        script = Path(__file__).with_name("postman.js")
        node = shutil.which("node") or "node"
        subprocess.run([node, str(script), str(listed), str(folder)], env=os.environ | settings, check=True)


def _text(body: object) -> str:
    return json.dumps(body, ensure_ascii=False)
