"""Statuses, and parsing and writing of health documents."""
