"""Sample requests: what can be written in every language, what cannot, and what the programs would sign."""

from typing import Any

from contract_tests.usual import each
from msgspec.structs import replace

from opay_contract.contract.loading import load_contract
from opay_contract.report.samples import Sample, build_samples

CONTRACT = load_contract()
OPERATION = CONTRACT.operations[0]
MERCHANT = {"name": "MerchantId", "in": "header", "example": "256612345678901"}


def samples(*parameters: dict[str, Any], **scheme: Any) -> tuple[Sample, ...]:
    assert CONTRACT.signature
    contract = replace(CONTRACT, signature=replace(CONTRACT.signature, **scheme))
    return build_samples(contract, OPERATION, "by-customer", parameters)


def test_headers_come_from_the_contracts_parameters_and_by_name_from_the_environment() -> None:
    (sample,) = samples(MERCHANT, {"name": "page", "in": "query", "example": "2"})
    curl, *programs = sample.programs
    assert "--header 'MerchantId: 256612345678901'" in curl.text
    for program in programs:
        assert "OPAY_MERCHANT_ID" in program.text
    assert "page" not in curl.text


@each("odd", ["'; rm -rf /; '", '"', "$HOME", "`id`", "${x}", "\\", "a\nb", "متجر"])
def test_what_could_leave_its_quotes_in_some_language_makes_no_sample(odd: str) -> None:
    assert samples({**MERCHANT, "example": odd}) == ()
    assert samples({**MERCHANT, "name": odd}) == ()
    assert build_samples(CONTRACT, replace(OPERATION, path=f"/{odd}"), "by-customer", [MERCHANT]) == ()


def test_what_is_not_posted_makes_no_sample() -> None:
    assert build_samples(CONTRACT, replace(OPERATION, method="GET"), "by-customer", [MERCHANT]) == ()


@each(
    "scheme",
    [{"sort_keys": False}, {"key_separator": ": "}, {"item_separator": ", "}, {"escape_slashes": True}],
)
def test_programs_are_written_only_for_what_they_sign(scheme: dict[str, Any]) -> None:
    (sample,) = samples(MERCHANT, **scheme)
    assert [program.title for program in sample.programs] == ["curl"]
    assert sample.signature in sample.programs[0].text


def test_a_contract_without_a_signature_has_curl_alone_and_no_header_for_one() -> None:
    (sample,) = build_samples(replace(CONTRACT, signature=None), OPERATION, "by-customer", [MERCHANT])
    assert [program.title for program in sample.programs] == ["curl"]
    assert "Authorization" not in sample.programs[0].text
