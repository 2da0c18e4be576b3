"""Circuit breakers, bulkheads, retries and degradation around calls that may fail."""
