"""Ports to the outside world: one Protocol per module, implemented by edge."""
