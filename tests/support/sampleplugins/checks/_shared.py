"""No plugin: the name begins with an underscore."""
