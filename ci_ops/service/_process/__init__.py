"""Mechanics of one process that several parts share: forks, locks, windows, requests."""
