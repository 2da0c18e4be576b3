"""What we promise about speed, measured beside a named peer in the same run."""
