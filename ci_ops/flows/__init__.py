"""Flows: one file per thing a user can ask for; the only place where families meet."""
