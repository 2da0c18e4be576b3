"""What every check that asks over HTTP shares: requests, expectations, comparison, the base classes."""
