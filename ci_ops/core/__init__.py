"""Values, rules and ports, on the standard library alone; imports no other part of ci-ops."""
