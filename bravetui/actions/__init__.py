"""Everything a person can do: one function an intent, one transaction each, record and change together.

The app, the command line and the tests have no other way to write. Each function returns what it changed (`Changed`), so
that every open view can decide whether to read again.
"""
