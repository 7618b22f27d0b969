"""What tests and measures the workshop."""
