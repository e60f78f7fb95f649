"""The numbered register of public facilities."""
