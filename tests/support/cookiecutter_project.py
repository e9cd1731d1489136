"""A project laid out as the original cookiecutter template lays one out, with a model and words of our own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from shapemaker_action.config.load import load
from shapemaker_action.stages.migration import migrate
from tests.support.consumer import write

if TYPE_CHECKING:
    from shapemaker_action.config.project import Project
    from shapemaker_action.outcome import Outcome

SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"
"""Nobody's; it must turn up nowhere."""

FILES = {
    ".envrc": """\
# Settings of the project, for direnv and make.
export PROJECT_NAME=NAME
export PY_VERSION=3.11
export DIR_MODEL_LOCAL=./artifacts
export DIR_TMP=/tmp

export AWS_ACCOUNT_ID=123456789012
export AWS_DEFAULT_REGION=eu-west-1
export ECR_REPO=models
export SAGEMAKER_ROLE=OvenRole
export BUCKET_ARTIFACTS=sagemaker-ovens
export ECR=${AWS_ACCOUNT_ID}.dkr.ecr.${AWS_DEFAULT_REGION}.amazonaws.com
export SAGEMAKER_ROLE_ARN=arn:aws:iam::${AWS_ACCOUNT_ID}:role/${SAGEMAKER_ROLE}
export AWS_SECRET_ACCESS_KEY=SECRET

export JSON_MODEL=model.json
export JSON_ENDPOINT_CONFIG=endpoint_config.json
export JSON_TRAINING_JOB=training_job.json
export JSON_SAGEMAKER_ROLE=sagemaker_role.json
export JSON_REQUEST=request.json
""",
    "Makefile": "include .envrc\nexport\n\ncreate_training_job:\n\t./aws/create_training_job.sh ${ARGS}\n",
    "aws/create_training_job.sh": "#!/bin/bash\naws sagemaker create-training-job --cli-input-json file://job.json\n",
    "docker-compose.yml": "services: {training: {build: {dockerfile: ./images/training/Dockerfile, context: .}}}\n",
    "images/training/Dockerfile": """\
ARG PY_VERSION
FROM python:${PY_VERSION}-slim-buster
ARG AWS_ACCESS_KEY_ID
ARG AWS_SECRET_ACCESS_KEY
ENV DIR_CODE /opt/ml/code
ENV OVEN_LOG quiet
RUN apt-get update && apt-get -y install gcc
COPY ./modelpkg ${DIR_CODE}/modelpkg
COPY ./requirements_modelpkg.txt ./train.py ./recipes ${DIR_CODE}/
RUN pip install -r ${DIR_CODE}/requirements_modelpkg.txt
RUN pip install sagemaker-training
ENV SAGEMAKER_PROGRAM train.py
WORKDIR ${DIR_CODE}
""",
    "images/endpoint/Dockerfile": """\
ARG PY_VERSION
FROM python:${PY_VERSION}-slim-buster
ENV DIR_CODE /opt/program
RUN apt-get -y update && apt-get install -y --no-install-recommends nginx ca-certificates \\
    && rm -rf /var/lib/apt/lists/*
COPY ./modelpkg ${DIR_CODE}/modelpkg
COPY ./server/* ./app.py ./requirements_modelpkg.txt ${DIR_CODE}
RUN pip install -r ${DIR_CODE}/requirements_modelpkg.txt
RUN pip install gunicorn flask
RUN chmod +x ${DIR_CODE}/serve
WORKDIR ${DIR_CODE}
""",
    "server/serve": "#!/usr/bin/env python\n# starts nginx, and gunicorn with wsgi:app\n",
    "server/wsgi.py": "from app import app\n\n__all__ = ['app']\n",
    "server/nginx.conf": "events {}\n",
    "requirements_modelpkg.txt": "numpy\n",
    "requirements_dev.txt": "pytest\n",
    "recipes/bread.txt": "flour, water, salt\n",
    "modelpkg/__init__.py": "",
    "modelpkg/oven.py": '''\
"""How long bread of a weight has to bake."""

import json
from pathlib import Path

import numpy as np


class Oven:
    def bake(self, weights, minutes):
        self.minutes, self.per_gram = (float(c) for c in np.polynomial.Polynomial.fit(weights, minutes, 1).convert())
        return float(np.abs(self.ask(np.asarray(weights)) - minutes).mean())

    def ask(self, weight):
        return self.minutes + self.per_gram * weight

    def keep(self, folder):
        Path(folder, "oven.json").write_text(json.dumps([self.minutes, self.per_gram]))

    def fetch(self, folder):
        self.minutes, self.per_gram = json.loads(Path(folder, "oven.json").read_text())
''',
    "modelpkg/tests/test_oven.py": "def test_nothing():\n    assert True\n",
    "train.py": """\
import argparse
import os
from pathlib import Path

from modelpkg.oven import Oven

FOLDER = os.getenv("DIR_MODEL_LOCAL") or "/opt/ml/model"

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--loaves", type=int, default=10)
    parser.add_argument("--warm", choices=["True", "False"], required=True)
    arguments = parser.parse_args()
    assert Path("recipes/bread.txt").read_text().startswith("flour")
    weights = list(range(300, 300 + 50 * arguments.loaves, 50))
    oven = Oven()
    error = oven.bake(weights, [20 + 0.05 * weight for weight in weights])
    print(f"Oven_error={error:.6f}")
    os.makedirs(FOLDER, exist_ok=True)
    oven.keep(FOLDER)
""",
    "app.py": """\
import os

import flask

from modelpkg.oven import Oven

oven = Oven()
oven.fetch(os.getenv("DIR_MODEL_LOCAL") or "/opt/ml/model")

app = flask.Flask(__name__)


@app.route("/ping")
def ping():
    return flask.Response(response="\\n", status=200)


@app.route("/invocations", methods=["POST"])
def invocations():
    question = flask.request.get_json()
    return {"minutes": round(oven.ask(question["weight"]), 3)}
""",
    ".github/workflows/create_endpoint.yaml": "on: workflow_dispatch\njobs: {}\n",
}

TRAINING_JOB: dict[str, object] = {
    "TrainingJobName": "${TRAINING_JOB_NAME}",
    "AlgorithmSpecification": {
        "TrainingImage": "${ECR}/${ECR_REPO}:${PROJECT_NAME}.training",
        "TrainingInputMode": "File",
        "MetricDefinitions": [{"Name": "oven:error", "Regex": "Oven_error=([0-9\\.]+)"}],
    },
    "RoleArn": "${SAGEMAKER_ROLE_ARN}",
    "OutputDataConfig": {"S3OutputPath": "${S3_OUTPUT_PATH}"},
    "HyperParameters": {"loaves": "12", "warm": "true"},
    "EnableManagedSpotTraining": True,
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 3},
    "StoppingCondition": {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 900},
}
MODEL: dict[str, object] = {
    "ModelName": "${MODEL_NAME}",
    "PrimaryContainer": {
        "Image": "${ECR}/${ECR_REPO}:${PROJECT_NAME}.endpoint",
        "ModelDataUrl": "${MODEL_DATA}",
        "Environment": {"MODEL_SERVER_WORKERS": "2"},
    },
    "ExecutionRoleArn": "${SAGEMAKER_ROLE_ARN}",
}
ENDPOINT_CONFIG: dict[str, object] = {
    "EndpointConfigName": "${MODEL_NAME}",
    "ProductionVariants": [
        {
            "VariantName": "Crust",
            "ModelName": "${MODEL_NAME}",
            "InitialInstanceCount": 1,
            "InstanceType": "ml.t2.medium",
        }
    ],
}


def project(name: str = "ovens", **documents: dict[str, object]) -> dict[str, str]:
    """Texts by path. `training_job`, `model` and `endpoint_config` are laid over what is in those files."""
    requests = {"training_job": TRAINING_JOB, "model": MODEL, "endpoint_config": ENDPOINT_CONFIG}
    configs = {key: {**ours, **documents.get(key, {})} for key, ours in requests.items()}
    return {
        **FILES,
        ".envrc": FILES[".envrc"].replace("NAME=NAME", f"NAME={name}").replace("=SECRET", f"={SECRET}"),
        **{f"configs/{key}.json": json.dumps(document, indent=4) for key, document in configs.items()},
        "configs/request.json": '{"weight": 500}\n',
        "configs/sagemaker_role.json": '{"Version": "2012-10-17", "Statement": []}\n',
    }


def over(ours: dict[str, object], key: str, **fields: object) -> dict[str, object]:
    """A section of a request with more fields."""
    below = ours[key]
    assert isinstance(below, dict)
    return {key: {**below, **fields}}


def run(folder: Path, *, makefile: bool = False, workflows: bool = False) -> Outcome:
    return migrate.run(
        migrate.Request(root=folder, project=".", makefile=makefile, workflows=workflows, role="", program="shapemaker")
    )


def migrated(folder: Path, files: dict[str, str]) -> tuple[Project, Outcome]:
    outcome = run(write(folder, files))
    return load([Path("shapemaker.yml")], root=folder).project, outcome


def left(outcome: Outcome) -> dict[str, str]:
    """What is not carried over, by its place."""
    (table,) = [table for table in outcome.tables if table.title == "Not carried over"]
    return {f"{where} {what}": instead for where, what, instead in table.rows}


def is_left(outcome: Outcome, where: str, what: str) -> bool:
    return any(each.startswith(where) and what in each for each in left(outcome))
