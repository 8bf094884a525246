"""One file a screen, its look beside it. A screen composes, binds keys, calls one action or view, and shows the result."""
