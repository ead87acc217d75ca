"""The only floor of the core that waits: clocks, sources, the runner, the hub."""
