"""Evaluating a model: requests of the kind that attendees make, rules that say right or wrong, and figures."""
