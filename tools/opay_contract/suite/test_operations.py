"""What a contract promises about each of its operations, asked by its examples and schemas alone."""

from opay_contract.suite import catalogue
from opay_contract.suite.api import Api, Ask, Reply
from opay_contract.suite.breach import check_each

_METHODS = ("GET", "PUT", "PATCH", "DELETE", "POST")


def test_a_sound_request_of_each_operation_is_answered_as_the_contract_says(api: Api) -> None:
    succeeded: list[Reply] = []

    def check(ask: Ask) -> None:
        reply = api.send(ask)
        api.stays_up(reply)
        api.conforms(reply)
        succeeded.extend([reply] if reply.is_success else [])
        if not reply.is_success and not api.judge.target.is_real and ask in known:
            raise reply.breach("a sound request succeeds", "it is refused")

    asks, questions = catalogue.sound_requests(api), api.judge.questions
    key = api.judge.target.customer_id or None
    pairs = zip(asks, questions.requests(key), strict=True)
    known = [ask for ask, request in pairs if questions.is_known(request, key)]
    check_each(asks, check)
    if not succeeded:  # whoever is refused always has proved nothing
        raise api.send(asks[0]).breach("some sound request succeeds", "none did")


def test_a_request_that_does_not_say_who_asks_is_refused_where_it_must(api: Api) -> None:
    asks = catalogue.sound_requests(api)
    without = catalogue.sound_requests(api, is_let_in=False)
    pairs = zip(without, asks, strict=True)
    checked = [one for one, whole in pairs if (one.headers, one.target) != (whole.headers, whole.target)]
    api.refuses_each(checked, "a request without credentials is refused")


def test_a_method_that_a_path_does_not_have_is_refused(api: Api) -> None:
    known = {(one.path, one.method) for one in api.judge.contract.operations}
    promise = "another method than the documented is refused"
    seen: set[str] = set()

    asks: list[Ask] = []
    for request in api.judge.questions.requests(None):
        path = request.operation.path
        other = next((method for method in _METHODS if (path, method) not in known), None)
        if other is not None and path not in seen:
            seen.add(path)
            asks.append(api.make_sound(request, method=other, name=f"{request.operation.id}, by {other}"))
    api.refuses_each(asks, promise)
