"""The figures: bytes, times and rates of the real thing, each beside what was asked for and beside a floor."""
