"""Schemas of the events that we emit."""
