"""Two consumer repositories on real data: one on the sklearn template, one that brings everything itself."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

from sklearn.datasets import load_breast_cancer, load_diabetes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DIABETES = {
    "shapemaker.yml": """\
project: {name: diabetes}
aws: {region: eu-central-1}
model: progression.ridge:Progression
build: {framework: sklearn, requirements: requirements.txt}
train:
  hyperparameters: {alpha: 0.1, columns: [bmi, bp, s5], scale: true}
  channels: {patients: data/patients}
  metrics: {r2: 'r2=([0-9.eE+-]+)'}
evaluate:
  channels: {held_out: data/held_out}
  thresholds: {r2: {min: 0.2}, mae: {max: 60}}
invoke:
  requests:
    - {file: requests/named.json}
    - {file: requests/rows.csv, content_type: text/csv, accept: text/csv}
""",
    "requirements.txt": "scikit-learn\nnumpy\n",
    "progression/__init__.py": "",
    "progression/ridge.py": '''\
"""Disease progression from a few columns, chosen by a hyperparameter."""

import csv
import json
import pickle
from pathlib import Path

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def read(directory: Path, columns: list[str]):
    with next(directory.glob("*.csv")).open() as file:
        rows = list(csv.DictReader(file))
    return np.array([[float(row[c]) for c in columns] for row in rows]), np.array([float(r["target"]) for r in rows])


class Progression:
    def train(self, patients: Path, *, alpha: float, columns: list[str], scale: bool = False, seed: int = 0):
        self.columns = columns
        x, y = read(patients, columns)
        steps = [StandardScaler()] if scale else []
        self.pipeline = make_pipeline(*steps, Ridge(alpha=alpha, random_state=seed)).fit(x, y)
        return {"r2": self.pipeline.score(x, y)}

    def predict(self, instances):
        if len(instances) and isinstance(instances[0], dict):
            instances = [[row[c] for c in self.columns] for row in instances]
        return self.pipeline.predict(np.asarray(instances, dtype=float))

    def evaluate(self, held_out: Path):
        x, y = read(held_out, self.columns)
        predicted = self.pipeline.predict(x)
        return {"r2": r2_score(y, predicted), "mae": mean_absolute_error(y, predicted)}

    def save(self, directory: Path):
        (directory / "columns.json").write_text(json.dumps(self.columns))
        (directory / "pipeline.pkl").write_bytes(pickle.dumps(self.pipeline))

    def load(self, directory: Path):
        self.columns = json.loads((directory / "columns.json").read_text())
        self.pipeline = pickle.loads((directory / "pipeline.pkl").read_bytes())
''',
}

TUMOURS = {
    "shapemaker.yml": """\
project: {name: tumours}
aws: {region: us-east-1}
build:
  dockerfile: Dockerfile
  args: {LEARNER: scikit-learn}
train:
  entrypoint: entry.py
  hyperparameters: {trees: 20}
  channels: {samples: {source: data/samples.csv, content_type: text/csv}}
  metrics: {accuracy: 'accuracy: ([0-9.]+)'}
evaluate:
  entrypoint: entry.py
  channels: {unseen: data/unseen.csv}
  thresholds: {accuracy: {min: 0.9}}
serve: {app: entry:app}
deploy: {variant: Blue}
invoke:
  requests: [{file: requests/sample.json, expect: {label: benign}}]
""",
    ".dockerignore": "data\nrequests\n*.md\n",
    "Dockerfile": """\
ARG BASE_IMAGE=python:3.11-slim-bookworm
FROM ${BASE_IMAGE}
ARG LEARNER
RUN --mount=type=secret,id=pip_config,target=/etc/pip.conf --mount=type=secret,id=ca_bundle \\
    if [ -f /run/secrets/ca_bundle ]; then export PIP_CERT=/run/secrets/ca_bundle; fi; \\
    python3 -m venv /opt/own && /opt/own/bin/pip install --no-cache-dir ${LEARNER}
COPY entry.py /srv/entry.py
ENV PYTHONUNBUFFERED=1
ENTRYPOINT ["/opt/own/bin/python", "/srv/entry.py"]
""",
    "README.md": "Not part of the image.\n",
    "entry.py": '''\
"""Everything in one file: train, evaluate and serve by SageMaker's container contract, without shapemaker's runtime."""

import csv
import json
import pickle
import sys
import tarfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from sklearn.ensemble import RandomForestClassifier

ML = Path("/opt/ml")
NAMES = ["malignant", "benign"]


def read(path):
    with path.open() as file:
        rows = [[float(value) for value in row] for row in csv.reader(file)]
    return [row[:-1] for row in rows], [int(row[-1]) for row in rows]


def train():
    trees = int(json.loads((ML / "input/config/hyperparameters.json").read_text())["trees"])
    x, y = read(ML / "input/data/samples/samples.csv")
    model = RandomForestClassifier(n_estimators=trees, random_state=0).fit(x, y)
    print(f"accuracy: {model.score(x, y)}")
    (ML / "model/forest.pkl").write_bytes(pickle.dumps(model))


def evaluate():
    base = ML / "processing"
    with tarfile.open(base / "model/model.tar.gz") as archive:
        model = pickle.loads(archive.extractfile("forest.pkl").read())
    x, y = read(base / "input/unseen/unseen.csv")
    (base / "output/report.json").write_text(json.dumps({"metrics": {"accuracy": model.score(x, y)}}))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    model = None

    def do_GET(self):
        self.answer(200 if self.path == "/ping" else 404, b"{}")

    def do_POST(self):
        row = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        label = NAMES[int(self.model.predict([row])[0])]
        self.answer(200, json.dumps({"label": label}).encode())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def serve():
    Handler.model = pickle.loads((ML / "model/forest.pkl").read_bytes())
    ThreadingHTTPServer(("", 8080), Handler).serve_forever()


{"train": train, "evaluate": evaluate, "serve": serve}[sys.argv[1]]()
''',
}


def _csv(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def diabetes() -> dict[str, str]:
    """442 patients, ten columns; the last fifth is held out."""
    data = load_diabetes()
    rows = [[*map(float, x), float(y)] for x, y in zip(data.data, data.target, strict=True)]
    header = [*data.feature_names, "target"]
    first = dict(zip(header, rows[-1], strict=True))
    named = [{name: first[name] for name in ("bmi", "bp", "s5")}]
    return {
        **DIABETES,
        "data/patients/patients.csv": _csv([header, *rows[:350]]),
        "data/held_out/patients.csv": _csv([header, *rows[350:]]),
        "requests/named.json": json.dumps({"instances": named}),
        "requests/rows.csv": _csv([[first["bmi"], first["bp"], first["s5"]]]),
    }


def tumours() -> dict[str, str]:
    """569 samples, thirty columns; every fifth is unseen."""
    data = load_breast_cancer()
    rows = [[*map(float, x), int(y)] for x, y in zip(data.data, data.target, strict=True)]
    benign = next(row for row in rows if row[-1] == 1)
    return {
        **TUMOURS,
        "data/samples.csv": _csv(row for number, row in enumerate(rows) if number % 5),
        "data/unseen.csv": _csv(row for number, row in enumerate(rows) if not number % 5),
        "requests/sample.json": json.dumps(benign[:-1]),
    }
