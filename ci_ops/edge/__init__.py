"""The ports of core, implemented; the only place that touches the world outside."""
