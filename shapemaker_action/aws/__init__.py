"""The wire to AWS: one session, one classification of errors, one wait loop."""
