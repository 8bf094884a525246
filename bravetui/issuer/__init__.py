"""The development issuer: a real OpenID provider that lets in whoever asks, for the demo and for tests.

Real keys, real endpoints, real rules (PKCE, single use, ten minutes), but no passwords: so it listens on loopback alone,
and says of itself what it is, by which central knows and refuses it. Takes Clerk's place, and makes Clerk's tokens.
Needs the `central` extra.
"""
