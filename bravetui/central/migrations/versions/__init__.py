"""The steps, one module each, numbered."""
