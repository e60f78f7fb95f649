"""People, roles, areas of authority, sessions, tokens."""
