"""Untrusted text, and the values written in it: secrets, durations, URLs."""
