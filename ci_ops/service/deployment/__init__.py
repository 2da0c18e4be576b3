"""Checks before and during a deployment, and the platform's doors."""
