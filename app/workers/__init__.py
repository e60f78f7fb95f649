"""The roster: duty and last position."""
