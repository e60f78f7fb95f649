"""The Flask application: one package a capability."""
