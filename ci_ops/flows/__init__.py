"""Flows: one file per thing a user can ask for.

The only place where families meet.
"""
