"""Steps of central's schema that only the newer program of a story has. Alembic loads them by path."""
