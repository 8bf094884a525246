"""Signs a person in at an OpenID provider from a terminal: through a browser here, a device elsewhere, or a pasted code.

`flow` tells the story; `ways` is what it asks of whoever shows things. A public client: no secret, and nothing is kept,
neither refresh tokens nor cookies. Knows no screen, no database and nothing of central.
"""
