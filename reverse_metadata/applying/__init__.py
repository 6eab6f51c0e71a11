"""From a plan to committed, verified and recorded updates."""
