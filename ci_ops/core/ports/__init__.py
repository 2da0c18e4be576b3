"""What the rules need of the world outside: one Protocol a module, implemented by edge."""
