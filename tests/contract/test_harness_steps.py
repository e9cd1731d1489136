"""The runner in miniature against what GitHub documents of steps: commands, files, masks, shells, conditions."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.github_runner import Annotation, Runner, Stub

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.support.github_runner import Run

pytestmark = pytest.mark.needs("node", "npm")

COMPOSITE = """\
name: composite
description: for a test
inputs:
  title: {description: text, default: none}
  old: {description: text, deprecationMessage: use title}
outputs:
  told: {description: text, value: "${{ steps.late.outputs.told }}"}
runs:
  using: composite
  steps:
    - id: env
      shell: bash
      env: {TITLE: "${{ inputs.title }}", OWN: step}
      run: |
        echo "env form: $TITLE"
        echo "env: $OUTER $OWN $JOB input=${INPUT_TITLE-unset} path=$GITHUB_ACTION_PATH"
        for number in $(seq 15); do echo "::warning::w$number"; done
        echo inner-summary >> "$GITHUB_STEP_SUMMARY"
    - shell: bash
      run: |
        echo "template: ${{ inputs.title }}"
        for number in $(seq 15); do echo "::error::e$number"; done
        exit 3
    - shell: bash
      run: echo never
    - id: late
      if: failure()
      shell: python {0}
      run: |
        import os
        print("told=after the failure", file=open(os.environ["GITHUB_OUTPUT"], "a"))
"""


def step(name: str, script: str, **fields: Any) -> dict[str, Any]:
    return {"id": name, "shell": "bash", "run": dedent(script), "if": "always()", **fields}


STEPS: list[Mapping[str, Any]] = [
    step("thirty", 'for number in $(seq 30); do echo "::error file=$PWD/a/b.yml,line=3,col=4::e$number"; done'),
    step("place", 'echo "::notice file=x.py,line=1,endLine=2,col=7,title=a%3Ab%2Cc::100%25 %0Adone"'),
    step("long", 'echo "::warning::$(head -c 5000 /dev/zero | tr "\\0" x)"'),
    step("large", 'head -c 1100000 /dev/zero | tr "\\0" y >> "$GITHUB_STEP_SUMMARY"'),
    step("small", 'echo "fine" >> "$GITHUB_STEP_SUMMARY"'),
    step(
        "stopped",
        """
        echo "::stop-commands::between-us"
        echo "::error::not seen"
        echo "##[set-output name=x]no"
        echo "::between-us::"
        echo "::notice::seen"
        echo "afterwards between-us is hidden"
        """,
    ),
    step("bad-token", 'echo "::stop-commands::error"; echo "::notice::still"'),
    step(
        "forms",
        """
        echo "   ::set-output name=old::a=b"
        echo "in the middle ##[set-output name=hash]v1"
        printf 'progress 1%%\\r::set-output name=carriage::yes\\n'
        echo "in the middle ::set-output name=no::v"
        echo "::set-outputs name=no::v"
        echo "::set-env name=X::y"
        """,
    ),
    step(
        "masked",
        r"""
        echo "::add-mask::first-line%0Asecond \"line\""
        echo "first-line and second \"line\" and $(printf first-line | base64) end"
        echo "{\"json\": \"second \\\"line\\\"\"} second%20%22line%22"
        echo "::add-mask::"
        echo "first-line" >> "$GITHUB_STEP_SUMMARY"
        """,
    ),
    step("secret", 'echo "the secret is $PASSWORD"', env={"PASSWORD": "${{ secrets.PASSWORD }}"}),
    step(
        "environment",
        """
        echo "NODE_OPTIONS=--inspect" >> "$GITHUB_ENV"
        echo "LATER=1" >> "$GITHUB_ENV"
        echo "GITHUB_REPOSITORY=forged/name" >> "$GITHUB_ENV"
        mkdir -p tools; printf '#!/bin/sh\\necho found\\n' > tools/tool; chmod +x tools/tool
        echo "$PWD/tools" >> "$GITHUB_PATH"
        """,
    ),
    step("later", 'echo "$LATER $GITHUB_REPOSITORY ${NODE_OPTIONS-unset} $(tool)"; read -r line || echo "no input"'),
    step(
        "heredoc",
        """
        { echo 'value<<XX'; echo 'a=b'; echo 'c<<d'; echo; echo 'XX'; echo 'plain=x<<y'; } >> "$GITHUB_OUTPUT"
        """,
    ),
    step("no-format", 'echo "good=1" >> "$GITHUB_OUTPUT"; echo "nothing" >> "$GITHUB_OUTPUT"'),
    step("no-end", 'printf "value<<XX\\ntext\\n" >> "$GITHUB_OUTPUT"'),
    step("no-newline", 'printf "value<<XX\\ntext" >> "$GITHUB_OUTPUT"'),
    step("failing", 'echo "saved=1" >> "$GITHUB_OUTPUT"; exit 7', **{"continue-on-error": True}),
    step("outcome", 'echo "${{ steps.failing.outcome }} ${{ steps.failing.conclusion }} ${{ job.status }}"'),
    step("pipe", "false | true"),
    {"id": "default-shell", "if": "always()", "run": "false | true; echo went on"},
    {"id": "skipped", "run": "echo no"},
    {"id": "failure", "if": "failure() && github.ref == 'refs/heads/main'", "run": "echo yes"},
    {"id": "no-shell", "if": "always()", "run": "true", "shell": "fish"},
    {
        "id": "composite",
        "if": "always()",
        "uses": "./composite",
        "with": {"title": 'a"; echo PWNED; echo "', "old": "1", "unknown": "2"},
        "env": {"OUTER": "outer", "OWN": "outer"},
    },
    step("told", 'echo "[$TOLD]"', env={"TOLD": "${{ steps.composite.outputs.told }}"}),
    {"id": "foreign", "if": "always()", "uses": "some/action@v1", "with": {"a": 1}},
    step("from-foreign", 'echo "$SET ${{ steps.foreign.outputs.out }}"'),
    {"id": "none", "if": "always()", "uses": "./nowhere"},
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("steps")
    action = folder / "repository" / "composite" / "action.yml"
    action.parent.mkdir(parents=True)
    action.write_text(COMPOSITE)
    runner = Runner(
        repository=folder / "repository",
        work=folder / "work with spaces",
        actions={},
        secrets={"PASSWORD": "correct horse"},
        stubs={"some/action": Stub(outputs={"out": "stubbed"}, env={"SET": "by the stub"})},
    )
    return runner.steps(*STEPS, env={"JOB": "job"})


def messages(run: Run, name: str, level: str = "error") -> list[str]:
    return [each.message for each in run.step(name).annotations if each.level == level]


def test_thirty_errors_become_ten_annotations(run: Run) -> None:
    thirty = run.step("thirty")
    assert (len(thirty.annotations), thirty.issues["error"]) == (10, 30)
    assert thirty.annotations[0] == Annotation(level="error", message="e1", file="a/b.yml", line="3", col="4")
    assert thirty.outcome == "success"


def test_annotations_are_unescaped_placed_and_cut(run: Run) -> None:
    (place,) = run.step("place").annotations
    assert place == Annotation(
        level="notice", message="100% \ndone", file="x.py", line="1", end_line="2", title="a:b,c"
    ), "columns mean nothing across lines"
    assert [len(each) for each in messages(run, "long", "warning")] == [4096]


def test_a_summary_of_more_than_a_mebibyte_is_dropped_and_the_step_stays_green(run: Run) -> None:
    large = run.step("large")
    assert (large.summary_dropped, large.summary, large.outcome) == (True, "", "success")
    assert messages(run, "large")[0].startswith("$GITHUB_STEP_SUMMARY upload aborted")
    assert run.step("small").summary == "fine\n"


def test_stopped_commands_are_text_until_the_token_comes(run: Run) -> None:
    stopped = run.step("stopped")
    assert [each.message for each in stopped.annotations] == ["seen"]
    assert stopped.outputs == {}
    assert "::error::not seen" in stopped.log
    assert "afterwards *** is hidden" in stopped.log
    assert run.step("bad-token").outcome == "failure"


def test_commands_are_read_in_every_form_that_the_runner_knows(run: Run) -> None:
    forms = run.step("forms")
    assert forms.outputs == {"old": "a=b", "hash": "v1", "carriage": "yes"}
    assert forms.outcome == "failure", "set-env is disabled"
    assert "Unable to process command '::set-env name=X::y' successfully." in messages(run, "forms")


def test_masks_hide_each_line_and_its_encodings_in_log_and_summary(run: Run) -> None:
    masked = run.step("masked")
    assert "*** and *** and *** end" in masked.log
    assert '{"json": "***"} ***' in masked.log
    assert masked.summary == "***\n"
    assert messages(run, "masked", "warning") == ["Can't add secret mask for empty string in ##[add-mask] command."]
    assert "the secret is ***" in run.step("secret").log
    assert "correct horse" not in run.log


def test_variables_for_later_steps_leave_alone_what_is_githubs(run: Run) -> None:
    assert messages(run, "environment") == ["Can't store NODE_OPTIONS output parameter using '$GITHUB_ENV' command."]
    assert "1 octo-org/example unset found" in run.step("later").log
    assert "no input" in run.step("later").log


def test_outputs_are_read_as_the_runner_reads_them(run: Run) -> None:
    assert run.step("heredoc").outputs == {"value": "a=b\nc<<d\n", "plain": "x<<y"}
    assert messages(run, "no-format") == [
        "Unable to process file command 'output' successfully.",
        "Invalid format 'nothing'",
    ]
    assert messages(run, "no-end")[1] == "Invalid value. Matching delimiter not found 'XX'"
    assert messages(run, "no-newline")[1] == "Invalid value. EOF marker missing new line."
    assert {run.step(name).outcome for name in ("no-format", "no-end", "no-newline")} == {"failure"}


def test_outcome_and_conclusion_differ_by_continue_on_error(run: Run) -> None:
    failing = run.step("failing")
    assert (failing.exit_code, failing.outcome, failing.conclusion) == (7, "failure", "success")
    assert failing.outputs == {"saved": "1"}
    assert messages(run, "failing") == ["Process completed with exit code 7."]
    assert "failure success failure" in run.step("outcome").log


def test_shells_are_strict_when_they_are_named(run: Run) -> None:
    assert run.step("pipe").exit_code == 1
    assert "went on" in run.step("default-shell").log
    assert messages(run, "no-shell")[0].startswith("Invalid shell option. Shell must be a valid built-in")


def test_conditions_ask_for_success_unless_they_ask_themselves(run: Run) -> None:
    assert run.step("skipped").outcome == "skipped"
    assert "yes" in run.step("failure").log


def test_a_composite_action_counts_as_one_step_and_gives_outputs_after_a_failure(run: Run) -> None:
    composite = run.step("composite")
    assert composite.outcome == "failure"
    assert len(messages(run, "composite")) == 10
    assert composite.issues == {"error": 16, "warning": 17, "notice": 0}
    assert [each.outcome for each in composite.steps] == ["success", "failure", "skipped", "success"]
    assert "[after the failure]" in run.step("told").log
    assert run.step("env").summary == "inner-summary\n"


def test_inputs_are_data_in_a_variable_and_code_in_a_template(run: Run) -> None:
    log = run.step("composite").log.splitlines()
    assert 'env form: a"; echo PWNED; echo "' in log
    assert "PWNED" in log
    assert [line for line in log if line.startswith("env: outer step job input=unset path=")]


def test_a_composite_action_warns_of_inputs_that_it_does_not_know(run: Run) -> None:
    assert messages(run, "composite", "warning")[:2] == [
        "Unexpected input(s) 'unknown', valid inputs are ['title', 'old']",
        "Input 'old' has been deprecated with message: use title",
    ]


def test_foreign_actions_are_stubs_and_missing_ones_are_errors(run: Run) -> None:
    assert "by the stub stubbed" in run.step("from-foreign").log
    assert messages(run, "none")[0].startswith("Can't find 'action.yml', 'action.yaml' or 'Dockerfile' under")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("shell: bash", ""), "Required property is missing: shell"),
        (("shell: bash", "shell: bash\n      timeout-minutes: 3"), "Unexpected value 'timeout-minutes'"),
        (("inputs.title }}", "secrets.TITLE }}"), "Unrecognized named-value: 'secrets'"),
        (("default: none", "default: '${{ env.X }}'"), "Unrecognized named-value: 'env'"),
    ],
)
def test_a_composite_action_that_the_runner_refuses_fails_the_step(
    change: tuple[str, str], message: str, tmp_path: Path
) -> None:
    action = tmp_path / "repository" / "action.yml"
    action.parent.mkdir()
    action.write_text(COMPOSITE.replace(*change))
    run = Runner(repository=action.parent, work=tmp_path / "work", actions={}).steps({"id": "it", "uses": "./"})
    assert run.step("it").outcome == "failure"
    assert message in run.step("it").annotations[0].message
