"""What checks of a database share: a read-only session, and what the health document says of it."""
