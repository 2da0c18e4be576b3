"""Plugins that only the tests of the configuration know."""
