"""Reference data and the demo city: sources, licences, loaders."""
