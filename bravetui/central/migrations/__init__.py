"""Central's schema, step by step; `database.migrate` runs what is missing. A step that has landed is frozen."""
