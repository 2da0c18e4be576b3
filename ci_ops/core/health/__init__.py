"""Statuses and health documents, read and written."""
