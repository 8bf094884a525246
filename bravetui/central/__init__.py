"""Central: the server that laptops sync with. FastAPI over PostgreSQL, deployable as it is.

Stands alone beside `sync/`: it shares the wire, the merge and the tables with the laptop, and nothing else. Every query
of a hot path names one scope, so a distributed PostgreSQL shards by it unchanged.
"""
