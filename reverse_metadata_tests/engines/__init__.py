"""Real engines, started for the tests and stopped after them, each in a module of its own."""
