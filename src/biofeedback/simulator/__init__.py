"""A believable heart and a strap that speaks bytes: demo, tests and benchmarks."""
