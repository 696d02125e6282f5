"""Tells recordings that are of other APIs alone: what stands in them no contract of ours can say."""

from opay_contract.contract.contract import Contract
from opay_contract.formats.table import Format
from opay_contract.judge.exposure import shows_card_number
from opay_contract.judge.routes import describe_elsewhere
from opay_contract.model.exchange import Exchange
from opay_contract.recordings.inputs import Source
from opay_contract.recordings.reading import iter_exchanges


def is_of_others(contract: Contract, source: Source, format_in: Format | None) -> bool:
    """Tell whether a recording holds exchanges and all of them are another API's.

    One that ends in a path of the contract may have gone to it through a gateway, and a card number is one
    whatever API shows it: such a recording is to be looked at.
    """
    is_empty = True
    for one in iter_exchanges(source, format_in):
        if not isinstance(one, Exchange) or not _is_of_others(contract, one):
            return False
        is_empty = False
    return not is_empty


def _is_of_others(contract: Contract, exchange: Exchange) -> bool:
    match = contract.match(exchange)
    if match.route.in_scope:
        return False
    where = describe_elsewhere(contract, exchange.request.url or "", match.route)
    return not where.base_url and not shows_card_number(contract, exchange, match)
