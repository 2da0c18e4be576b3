"""The contract on an application's environment and requirements."""
