"""The record of who did what and who read whose data: appended to, chained, and never changed."""
