"""Scratchpads."""
