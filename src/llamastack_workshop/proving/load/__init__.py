"""A classroom under load: attendees who log in, open chapters and run their cells, and the figures of that."""
