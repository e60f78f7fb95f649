"""Incidents and appeals: what was reported, where, in whose hands."""
