"""Training and evaluation: in the training image only."""
