"""Finds out where a provider's endpoints and keys are. Issuer and client id are all that anybody configures."""

from __future__ import annotations

from bravetui.auth.jwks import KeySet, read_keys
from bravetui.auth.openid import Metadata, NotAProvider, metadata_addresses, read_metadata
from bravetui.base.errors import Refused
from bravetui.signin.line import Line


async def discover(line: Line, issuer: str) -> Metadata:
    """The provider's metadata. Raises BadInput for an unsafe issuer, Refused for another one, Transient."""
    first: NotAProvider | None = None
    for address in metadata_addresses(issuer):
        try:
            metadata = read_metadata(await _document(line, address), issuer)
        except NotAProvider as error:
            # A provider has one of the two documents, and a page of its own for what it does not have.
            first = first or error
            continue
        if metadata.challenge_methods and "S256" not in metadata.challenge_methods:
            raise Refused(
                "The sign-in service does not protect the way back to this program (PKCE with S256).",
                "Ask the office: its application has to be a public one, with PKCE.",
                code="no_pkce",
            )
        return metadata
    assert first is not None
    raise first


async def fetch_keys(line: Line, metadata: Metadata) -> KeySet:
    """The provider's keys as they are now. Raises Transient."""
    return read_keys(await _document(line, metadata.jwks_uri))


async def _document(line: Line, address: str) -> object:
    status, document = await line.get(address)
    if status != 200:
        raise NotAProvider(f"it answered {status}")
    return document
