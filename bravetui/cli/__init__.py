"""The command line: one module a command, text for people and JSON for programs, the same errors as the app."""
