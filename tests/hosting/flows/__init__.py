"""Flows that run on the simulated phone."""
