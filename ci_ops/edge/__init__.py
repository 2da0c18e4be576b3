"""The ports of core, implemented.

The only place that touches the world outside.
"""
