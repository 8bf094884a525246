"""Photos made smaller, in a process of their own, and shown in a terminal. Knows no database, record, screen or network."""
