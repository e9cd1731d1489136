from __future__ import annotations

from shapemaker_action.containers import chatter

BUILD = """\
#1 [internal] load build definition from Dockerfile
#1 sha256:2a1f5c transferring dockerfile: 1.2kB done
#1 DONE 0.0s

#5 [training 1/4] FROM docker.io/library/python:3.11-slim-bookworm
#5 resolve docker.io/library/python:3.11-slim-bookworm done
#5 sha256:9e3ea8720c6de96cc9ad544dddc695a3ab73f5581c5d954e0504cc4f80fb5e5c 29.1MB / 29.1MB 0.4s done
#5 extracting sha256:9e3ea872 1.2s done
#5 CACHED
#6 [training 2/4] RUN pip install -r requirements.txt
#6 0.512 Collecting six==1.17.0
#6 0.733
#6 1.040 ERROR: No matching distribution found for six==1.17.0
#6 ...
#7 exporting to image
#7 exporting layers done
#7 writing image sha256:2a1f5c done
#7 naming to registry.example.com/salary:training done
#6 ERROR: process "/bin/sh -c pip install" did not complete successfully: exit code: 1
------
 > [training 2/4] RUN pip install -r requirements.txt:
------
Dockerfile:4
   4 | >>> RUN pip install -r requirements.txt
"""
PUSH = """\
The push refers to repository [registry.example.com/salary]
5f70bf18a086: Preparing
9e3ea8720c6d: Waiting
9e3ea8720c6d: Layer already exists
5f70bf18a086: Pushing [=====>      ] 1.2MB/2.4MB
5f70bf18a086: Pushed
training: digest: sha256:2a1f5c size: 1234
denied: the repository is not yours
"""
PODMAN = """\
Getting image source signatures
Copying blob sha256:9e3ea8720c6d
Copying config sha256:2a1f5c
Error: writing blob: denied
Writing manifest to image destination
Storing signatures
"""


def heard(text: str) -> list[str]:
    lines: list[str] = []
    say = chatter.without(lines.append)
    for line in text.splitlines():
        say(line)
    return lines


def test_of_a_build_steps_output_and_errors_are_heard() -> None:
    assert heard(BUILD) == [
        "#5 [training 1/4] FROM docker.io/library/python:3.11-slim-bookworm",
        "#6 [training 2/4] RUN pip install -r requirements.txt",
        "#6 0.512 Collecting six==1.17.0",
        "#6 1.040 ERROR: No matching distribution found for six==1.17.0",
        '#6 ERROR: process "/bin/sh -c pip install" did not complete successfully: exit code: 1',
        "------",
        " > [training 2/4] RUN pip install -r requirements.txt:",
        "------",
        "Dockerfile:4",
        "   4 | >>> RUN pip install -r requirements.txt",
    ]


def test_of_a_push_what_was_sent_the_digest_and_errors_are_heard() -> None:
    assert heard(PUSH) == [
        "The push refers to repository [registry.example.com/salary]",
        "5f70bf18a086: Pushed",
        "training: digest: sha256:2a1f5c size: 1234",
        "denied: the repository is not yours",
    ]
    assert heard(PODMAN) == ["Error: writing blob: denied"]


def test_a_step_of_many_lines_is_shown_by_its_beginning() -> None:
    step = f"#6 [training 2/4] RUN {'pip install six && ' * 20}"
    assert heard(step) == [f"{step[:150]}…"]
    output = f"#6 0.512 {'x' * 300}"
    assert heard(output) == [output]
