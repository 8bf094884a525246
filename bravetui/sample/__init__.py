"""A construction site that does not exist, as lifelike as we could make it: for the demo, the benchmark and the tests.

Deterministic: the same seed and scale give the same records, byte for byte. Nobody in it is real.
"""
