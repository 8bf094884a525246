"""Who knew what, and what becomes of it: the pure heart that the laptop and central share.

Read `version` (dots, vectors), `hlc` (the clock that orders), `state` (cells and records), `rules` (what a field may
declare), `join` (one function a rule) and `record` (the merge itself), in that order. Long text has three of its own:
`text` (operations on a text), `words` (from two texts to an operation), `passages` (two people's edits woven into one).
"""
