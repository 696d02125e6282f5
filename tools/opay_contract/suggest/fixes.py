"""The table of remedies: for each rule the plan that settles its findings, or why the contract cannot."""

from collections.abc import Callable
from dataclasses import dataclass

from opay_contract.judge import table
from opay_contract.suggest import catalogues, members, widening
from opay_contract.suggest.edit_context import EditContext, Plan
from opay_contract.suggest.finding_groups import FindingGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """What can be done about the findings of a rule.

    Without a plan `reason` says why there is none. `is_fault` if no contract could allow it, so that the
    vendor broke its word however often it happens. `is_catalogue` if it adds to a list with an open end.
    """

    plan: Callable[[FindingGroup, EditContext], Plan] | None = None
    reason: str = ""
    is_fault: bool = False
    is_catalogue: bool = False


def _by_hand(reason: str) -> Fix:
    return Fix(reason=reason)


def _fault(reason: str) -> Fix:
    return Fix(reason=reason, is_fault=True)


_TEXTS = "what the texts look like is not kept; change it by hand"
_READERS = "readers of JSON disagree on it, whatever a contract says"
_OPERATION = "an operation is described by hand"
_UNIT = "what a value counts is for a person to say; change `x-unit` by hand"
_CARD_NUMBER = "no contract allows a full card number"
_NO_SUCCESS = "what recordings lack is no matter of the contract; record calls that succeed"
_DATA = "what the data of such an answer mean is for a person to say"

REMEDIES: dict[str, Fix] = {
    table.PATH_UNDOCUMENTED.id: _by_hand(_OPERATION),
    table.METHOD_UNDOCUMENTED.id: _by_hand(_OPERATION),
    table.STATUS_UNDOCUMENTED.id: Fix(plan=catalogues.add_status, is_catalogue=True),
    table.MEDIA_TYPE_UNDOCUMENTED.id: Fix(plan=catalogues.add_media_type, is_catalogue=True),
    table.JSON_MISLABELLED.id: Fix(plan=catalogues.add_media_type),
    table.BODY_EMPTY.id: _by_hand("a body is described or it is not; part the statuses by hand"),
    table.BODY_NOT_JSON.id: _fault("the answer says that it is JSON and is none"),
    table.BODY_TRUNCATED.id: _fault("the answer breaks off"),
    table.BYTE_ORDER_MARK.id: _fault(_READERS),
    table.INVALID_UTF8.id: _fault(_READERS),
    table.LONE_SURROGATE.id: _fault(_READERS),
    table.DUPLICATE_KEY.id: _fault(_READERS),
    table.NON_FINITE_NUMBER.id: _fault(_READERS),
    table.UNSAFE_NUMBER.id: _fault(_READERS),
    table.HEADER_MISSING.id: Fix(plan=catalogues.let_header_be_absent),
    table.REQUEST_FIELD_UNDOCUMENTED.id: Fix(plan=members.add_member),
    table.REQUEST_FIELD_MISSING.id: Fix(plan=widening.drop_required),
    table.REQUEST_FIELD_INVALID.id: _by_hand(
        "what is wrong with the requests is not told apart; change it by hand"
    ),
    table.RESPONSE_FIELD_UNDOCUMENTED.id: Fix(plan=members.add_member),
    table.FIELD_MISSING.id: Fix(plan=widening.drop_required),
    table.FIELD_NULL.id: Fix(plan=widening.allow_types),
    table.TYPE_MISMATCH.id: Fix(plan=widening.allow_types),
    table.VALUE_OUT_OF_RANGE.id: Fix(plan=widening.widen_range),
    table.LENGTH_OUT_OF_RANGE.id: Fix(plan=widening.widen_lengths),
    table.PATTERN_MISMATCH.id: _by_hand(_TEXTS),
    table.FORMAT_MISMATCH.id: _by_hand(_TEXTS),
    table.VALUE_UNDOCUMENTED.id: Fix(plan=widening.add_values),
    table.CONSTRAINT_VIOLATED.id: _by_hand(
        "which values break the constraint is not kept; change it by hand"
    ),
    table.SUCCESS_WITHOUT_DATA.id: _by_hand(_DATA),
    table.ERROR_WITH_DATA.id: _by_hand(_DATA),
    table.SUCCESS_CODE_ON_HTTP_ERROR.id: _fault("status and code contradict each other"),
    table.CODE_UNDOCUMENTED.id: Fix(plan=catalogues.add_codes, is_catalogue=True),
    table.MESSAGE_UNDOCUMENTED.id: _by_hand("messages are not kept with their codes; add them by hand"),
    table.ANSWER_MISMATCHED.id: _fault("the answer is about something else than was asked for"),
    table.ITEM_REPEATED.id: _fault("what identifies an item stands at two"),
    table.TIMESTAMP_NOT_SECONDS.id: _by_hand(_UNIT),
    table.TIMESTAMP_IN_FUTURE.id: _fault("a time that has not come yet"),
    table.MONTH_INVALID.id: _by_hand(_UNIT),
    table.SIGNATURE_MISMATCH.id: _by_hand("the key or `x-signature` is another one; change it by hand"),
    table.CARD_NUMBER_EXPOSED.id: _fault(_CARD_NUMBER),
    table.NOTHING_SUCCEEDED.id: _by_hand(_NO_SUCCESS),
    table.FORM_NEVER_SUCCEEDED.id: _by_hand(_NO_SUCCESS),
}

EXPOSED = _fault(_CARD_NUMBER)
"""What becomes of a member, otherwise undocumented, in which full card numbers were seen."""
