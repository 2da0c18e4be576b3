"""Values, rules and ports: the standard library only, nothing of ours above it."""
