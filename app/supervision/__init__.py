"""Supervision: what the system does of its own accord when nobody did what was due."""
