"""Testing and measuring the workshop."""
