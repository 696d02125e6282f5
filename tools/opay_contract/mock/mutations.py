"""Ways in which an answer can go wrong, made from the answer that would have been right."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from opay_contract.contract.operation import Form
from opay_contract.mock.answers import BY_CUSTOMER, Answer, Writer, data_of
from opay_contract.mock.store import StoredCustomer

Members = dict[str, Any]

_MARK = "\x1a"
"""Stands in a value for text that no JSON encoder would write; an encoder escapes it, so it is told apart."""

_HTML = b"<!DOCTYPE html><html><head><title>%s</title></head><body><h1>%s</h1></body></html>\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioContext:
    """A request to be answered: the right answer, and a customer with cards to make a wrong one from."""

    form: Form
    usual: Answer
    stored: StoredCustomer
    writer: Writer
    slow_seconds: float

    def value(self) -> Members:
        """Return a success as a value that may be changed."""
        return self.writer.success_value(self.writer.data(self.form, self.stored))


Mutation = Callable[[ScenarioContext], Answer]


def on_data(change: Callable[[Members, list[Members]], object]) -> Mutation:
    """Change the customer and the cards of a success."""

    def play(scene: ScenarioContext) -> Answer:
        data = scene.writer.data(scene.form, scene.stored)
        change(*data_of(data, scene.form))
        return scene.writer.json(scene.writer.success_value(data))

    return play


def on_card(change: Callable[[Members], object]) -> Mutation:
    """Change the first card of a success."""
    return on_data(lambda _customer, cards: change(cards[0]))


def with_member(name: str, value: Any) -> Mutation:
    """Give a member of the first card another value."""
    return on_card(lambda card: card.update({name: value}))


def with_text(name: str, text: bytes) -> Mutation:
    """Give a member of the first card a value that is written as no encoder would write it."""
    marked = with_member(name, _MARK)

    def play(scene: ScenarioContext) -> Answer:
        return scene.writer.text(marked(scene).body.replace(b'"\\u001a"', text))

    return play


def on_usual(change: Callable[[bytes], bytes], media_type: bytes | None = None) -> Mutation:
    """Change the text of the usual answer, or its Content-Type."""
    return lambda scene: scene.writer.text(change(scene.usual.body), scene.usual.status, media_type)


def on_envelope(code: str, message: str | None, data: Any) -> Mutation:
    """Answer with a code, a message (the code's own for None) and data."""

    def play(scene: ScenarioContext) -> Answer:
        text = scene.writer.message(code) if message is None else message
        return scene.writer.json(scene.writer.envelope(code, text, data))

    return play


def success_with(data: Any) -> Mutation:
    """Answer with the success code and these data, or without any."""
    return lambda scene: scene.writer.json(scene.writer.success_value(data))


def success_with_status(status: int) -> Mutation:
    """Answer with a success beside an HTTP error."""
    return lambda scene: scene.writer.json(scene.value(), status)


def business_error(code: str) -> Mutation:
    """Answer with a code of the catalogue."""
    return lambda scene: scene.writer.error(code)


def page(status: int, title: bytes) -> Mutation:
    """Answer with an HTML page, as a gateway does."""
    return lambda scene: scene.writer.text(_HTML % (title, title), status, b"text/html; charset=utf-8")


def too_many_requests(_scene: ScenarioContext) -> Answer:
    """Answer with HTTP status 429."""
    return Answer(status=429, fields=((b"retry-after", b"1"), (b"content-length", b"0")))


def slowly(scene: ScenarioContext) -> Answer:
    """Answer as usual, later."""
    return replace(scene.usual, delay=scene.slow_seconds)


def cut(scene: ScenarioContext) -> Answer:
    """Answer as usual, and close the connection in mid-body."""
    return replace(scene.usual, cut=True)


def without_cards(scene: ScenarioContext) -> Answer:
    """Answer for a customer without cards; a query by token gets its usual answer."""
    if scene.form.id != BY_CUSTOMER:
        return scene.usual
    return scene.writer.found(scene.form, replace(scene.stored, cards={}))


def with_card_twice(scene: ScenarioContext) -> Answer:
    """Answer with the first card twice; a query by token gets its usual answer."""
    if scene.form.id != BY_CUSTOMER:
        return scene.usual
    return on_data(lambda _customer, cards: cards.append(cards[0]))(scene)


def about_another(scene: ScenarioContext) -> Answer:
    """Answer with another id, or token, than the one that was asked for."""
    value = member = scene.value()
    *path, name = scene.form.echoes[0].response
    for token in path:
        member = member[str(token)]
    member[str(name)] += "-other"
    return scene.writer.json(value)
