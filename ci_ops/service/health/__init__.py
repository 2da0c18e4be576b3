"""Health of the application: checks, their runs, caches and who may see the details."""
