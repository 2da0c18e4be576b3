"""Implementations of core's ports: the only code that accesses the outside world.

The only place that touches the world outside.
"""
