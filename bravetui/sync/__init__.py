"""The worker that empties the outbox and brings the news. Knows no Textual and no central; it speaks `wire`.

Deciding (pure): `step`, `batch`, `progress`, `policy`, `credible`. Performing: `client`, `exchange`, `apply`, `upon`,
`worker`. What sync is doing is written to tables as it happens, so that every window can read it.
"""
