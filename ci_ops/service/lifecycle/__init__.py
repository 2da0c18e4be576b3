"""Life of the process: startup, requests in flight, drain and shutdown."""
