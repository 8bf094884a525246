"""Who this laptop is: its keys, its signatures, its counter's high water. Knows no database, screen or
network."""
