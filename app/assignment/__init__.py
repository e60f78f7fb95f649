"""Posts: a worker holds a cell, as primary or backup, during a range."""
