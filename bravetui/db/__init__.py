"""Data at rest: shared tables, the laptop's own tables, the encrypted engine, the journal, and the ledger's one way in.

Start at `tables/` for what is stored, `kinds` for what each kind of record is, `store` for how a save happens.
"""
