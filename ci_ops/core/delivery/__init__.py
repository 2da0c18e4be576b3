"""One deployment: record, steps, journal, executor and ledger."""
