"""Records traffic as it happens: a reverse proxy, and hooks for the sessions of requests and httpx."""

from opay_contract.record.sessions import Capture, attach, capturing

__all__ = ["Capture", "attach", "capturing"]
