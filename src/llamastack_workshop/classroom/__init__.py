"""A room full of people on one machine: `make classroom`."""
