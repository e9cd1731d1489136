"""A model that the cases point to; read, never run."""

from pathlib import Path


class Model:
    """Does nothing, with the right signatures."""

    def train(
        self, train: Path, *, degree: int = 1, alpha: float = 0.5, solver: str = "auto", verbose: bool = False
    ) -> None:
        """Train."""

    def evaluate(self, test: Path) -> dict[str, float]:
        """Evaluate."""
        return {"files": len(list(test.iterdir()))}

    def predict(self, age: float) -> float:
        """Predict."""
        return age

    def save(self, directory: Path) -> None:
        """Save."""

    def load(self, directory: Path) -> None:
        """Load."""


class Incomplete:
    """Trains, and that is all."""

    def train(self, train: Path, epochs: int, *, rate: float) -> None:
        """Train."""
