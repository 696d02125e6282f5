"""What schemathesis loads: it resolves the vendor's host, asks for known people, and signs."""

import contextlib
import itertools
import os
from typing import Any

import schemathesis

from .clients import resolved_to
from .drift import DRIFTED_CALLS
from .traffic import CLEAN_CALLS, MERCHANT, sign

_CALLS = CLEAN_CALLS if os.environ["CORPUS_MODE"] == "clean" else DRIFTED_CALLS
_KNOWN = {
    name: itertools.cycle([call.body[name] for call in reversed(_CALLS) if name in call.body])
    for name in ("customerId", "opayToken")
}
_RESOLVED = contextlib.ExitStack()  # open for as long as the command runs
_RESOLVED.enter_context(resolved_to(int(os.environ["CORPUS_PORT"])))


@schemathesis.hook
def before_call(_: schemathesis.HookContext, case: schemathesis.Case[Any], __: dict[str, Any]) -> None:
    """Let each generated value stand for the next one that the server knows, and sign the body.

    Members that the contract does not know are dropped.
    """
    body = case.body if isinstance(case.body, dict) else {}
    case.body = {name: next(known) for name, known in _KNOWN.items() if name in body}
    case.headers.update({"Authorization": f"Bearer {sign(case.body)}", "MerchantId": MERCHANT})
