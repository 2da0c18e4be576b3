"""Flows: one module per command; the only code that combines plugin families.

The only place where families meet.
"""
