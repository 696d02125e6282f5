"""How a request is signed, as the contract's `x-signature` says."""

import msgspec


class SignatureScheme(msgspec.Struct, frozen=True, kw_only=True):
    r"""A keyed hash over the canonical JSON of the request body, carried in one header.

    `non_ascii` lists the documented ways of writing text outside ASCII, the default first: `raw` UTF-8
    or `escaped` as \uXXXX. The only algorithm is `hmac-sha512`, the only encoding `hex-lower`.
    """

    header: str
    prefix: str
    algorithm: str
    encoding: str
    sort_keys: bool
    item_separator: str
    key_separator: str
    escape_slashes: bool
    non_ascii: tuple[str, ...]
