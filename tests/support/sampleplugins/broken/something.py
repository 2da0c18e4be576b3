"""A module with something else under the name."""

Something = 3
