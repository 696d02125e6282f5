"""What is between two hops stays there; what is meant for the other end gets there."""

from opay_contract.record.proxy import end_to_end, is_chunked, with_host, without_length


def test_fields_between_hops_and_those_that_connection_names_are_left_out() -> None:
    fields = [
        (b"Connection", b"X-Between, close, Content-Length"),
        (b"connection", b"X-Also"),
        (b"X-Between", b"1"),
        (b"x-also", b"2"),
        (b"Keep-Alive", b"timeout=5"),
        (b"TE", b"trailers"),
        (b"Trailer", b"X-Sum"),
        (b"Upgrade", b"h2c"),
        (b"Proxy-Authorization", b"Basic x"),
        (b"Transfer-Encoding", b"chunked"),
        (b"Content-Length", b"2"),
        (b"Set-Cookie", b"a"),
        (b"Authorization", b"Bearer b"),
        (b"Set-Cookie", b"c"),
    ]
    assert end_to_end(fields) == fields[-4:]
    assert is_chunked(fields)
    assert without_length(fields[-4:]) == fields[-3:]


def test_the_host_is_rewritten_where_it_stands() -> None:
    before, after = (b"A", b"1"), (b"B", b"2")
    assert with_host([before, (b"HOST", b"x"), after, (b"host", b"y")], b"api") == [
        before,
        (b"HOST", b"api"),
        after,
    ]
    assert with_host([before], b"api") == [(b"host", b"api"), before]
    assert with_host([], b"api") == [(b"host", b"api")]
