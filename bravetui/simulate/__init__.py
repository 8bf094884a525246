"""A month on site, lived through in seconds: laptops, office and central, in one process, under faults drawn from a seed.

Everything but the world's edges is the product: real encrypted SQLite, real PostgreSQL, the worker, the HTTP client and
central's application. Time is virtual, the network is a dice, and any named point in the code may be the last that a machine
reaches. `month` tells the story in order; `invariants` says what must hold at its end; `planted` proves that it can fail.
"""
