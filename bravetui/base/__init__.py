"""The ground floor: clock, ids, errors, text, canonical bytes. Imports nothing of the project."""
