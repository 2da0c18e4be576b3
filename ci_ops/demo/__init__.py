"""The demo: a sample service, a good release, a bad one, and the rollback."""
