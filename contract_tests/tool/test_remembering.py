"""What was said of short texts is remembered, of so many, and nothing of others."""

from opay_contract.remembering import remembering


def test_a_bounded_number_of_short_texts_is_remembered() -> None:
    asked: list[str] = []

    @remembering(2)
    def shout(text: str) -> str:
        asked.append(text)
        return text.upper()

    long = "a" * 301
    assert [shout(text) for text in ("a", "a", "b", "b", "a", long, long)] == [*"AABBA", *[long.upper()] * 2]
    assert asked == ["a", "b", long, long]
    assert [shout(text) for text in "cdda"] == [*"CDDA"]
    assert asked[4:] == ["c", "d", "a"]
