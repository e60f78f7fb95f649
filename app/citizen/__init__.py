"""The public's side: an appeal without an account, and what became of it."""
