"""Code that HTTP checks share: requests, expectations, comparison, the base classes."""
