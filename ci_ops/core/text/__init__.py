"""Text from outside and the values written in it: secrets, durations, addresses."""
