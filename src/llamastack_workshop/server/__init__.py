"""Configuring, starting and stopping the model and the server."""
