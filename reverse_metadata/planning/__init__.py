"""From desired, last and actual to verdicts and statements."""
