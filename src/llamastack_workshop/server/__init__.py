"""Model and server: configured, started, stopped."""
