"""Tiles, pages of the map, and print."""
