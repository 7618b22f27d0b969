"""Evaluating a model: requests like those of attendees, rules that judge the answers, and figures."""
