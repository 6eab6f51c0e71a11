"""The contract against a real account, which `make live SYSTEM=...` runs: docs/live.md."""
