"""What the tests, the example index and the benchmark share."""
