"""Pure spatial domain: no web, no database."""
