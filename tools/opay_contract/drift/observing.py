"""The spots of a contract's exchanges: for each place what was seen there, and whether values may be kept."""

from functools import lru_cache

from opay_contract.contract.contract import Contract
from opay_contract.contract.fields import Field
from opay_contract.contract.operation import Operation
from opay_contract.contract.scopes import RESPONSE_BODY, fields_of_scope, find_operation
from opay_contract.drift.field_locations import SpotCounter
from opay_contract.jsontext import Tokens, pointer
from opay_contract.judge.describing import fold_pointer
from opay_contract.model.observation import MAX_SPOTS, FieldLocation, Observations, Scope, limit_spots

STATUS = "/response/status"
CONTENT_TYPE = "/response/headers/content-type"

_PUBLIC = "public"


class Observer:
    """Has a counter for each spot; `observations()` gives what they counted."""

    def __init__(self, contract: Contract) -> None:
        """Begin without a spot."""
        self._contract = contract
        self._spots: dict[FieldLocation, SpotCounter] = {}
        self._fields: dict[Scope, dict[str, Field]] = {}

    def spot(self, scope: Scope, tokens: Tokens) -> SpotCounter:
        """Return the counter of a place in exchanges of a scope, indexes of lists folded."""
        key = (*scope, _folded(tokens))
        spot = self._spots.get(key)
        if spot is None:
            spot = self._spots[key] = self._new_spot(scope, tokens)
            if len(self._spots) > 2 * MAX_SPOTS:
                self._spots = limit_spots(self._spots, lambda spot: spot.is_documented)
        return spot

    def observations(self) -> Observations:
        """Return what was seen so far."""
        kept = limit_spots(self._spots, lambda spot: spot.is_documented)
        return {spot: counter.observed() for spot, counter in sorted(kept.items()) if counter.types}

    def _new_spot(self, scope: Scope, tokens: Tokens) -> SpotCounter:
        place = pointer(tuple("*" if isinstance(token, int) else token for token in tokens))
        documented = self._documented(scope)
        known = documented.get(place)
        is_outside = "body" not in tokens[:2]
        return SpotCounter(
            is_documented=place.removesuffix("/*") in documented or is_outside or tokens[2:] == (),
            is_public=place in (STATUS, CONTENT_TYPE) or (known is not None and known.sensitivity == _PUBLIC),
            words=_words(find_operation(self._contract, scope[0]), place),
        )

    def _documented(self, scope: Scope) -> dict[str, Field]:
        if scope not in self._fields:
            self._fields[scope] = fields_of_scope(self._contract, scope)
        return self._fields[scope]


@lru_cache(maxsize=4096)
def _folded(tokens: Tokens) -> str:
    return fold_pointer(tokens)


def _words(operation: Operation | None, place: str) -> frozenset[str]:
    """Return the texts that the contract itself has for a place: business codes and their messages."""
    envelope = operation.envelope if operation else None
    if envelope is None:
        return frozenset()
    if place == RESPONSE_BODY + pointer(envelope.code):
        return frozenset(envelope.codes)
    if place == RESPONSE_BODY + pointer(envelope.message):
        return frozenset(message for code in envelope.codes.values() for message in code.messages)
    return frozenset()
