"""The main job, lived on one machine: real PostgreSQL, real HTTP, encrypted laptops, a line that can be cut.

`stage` sets everything up, `story` plays it as text, `office` is the colleague who edits the same inspection meanwhile.
"""
