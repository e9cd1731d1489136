"""shapemaker: model code to an answered SageMaker invocation, from GitHub Actions, a laptop or an account."""

__version__ = "0.1.0"
