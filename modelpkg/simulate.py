"""Writes the sample data: python modelpkg/simulate.py. The same seed, so the same bytes."""

from __future__ import annotations

import csv
import random
from pathlib import Path

DATA = Path(__file__).parent / "data"
SIZES = {"train": 800, "test": 200}


def salary(age: int, noise: float) -> int:
    """Rises until the late fifties, then falls a little."""
    return round(9_000 + 1_650 * age - 14 * age**2 + noise)


def main() -> None:
    """One CSV file for each channel."""
    generator = random.Random(20)  # noqa: S311 - data, not secrets
    for channel, size in SIZES.items():
        file = DATA / channel / "salaries.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(["age", "salary"])
            for _ in range(size):
                age = generator.randint(18, 67)
                writer.writerow([age, salary(age, generator.gauss(0, 1_800))])


if __name__ == "__main__":
    main()
