"""Areas and versioned cells."""
