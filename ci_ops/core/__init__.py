"""Values, rules and ports.

The standard library only, nothing of ours above it.
"""
