"""The main job on real input: AgentDojo's own tools (suite v1.1.2) behind the gate, replayed from the package's ground truth, no LLM.

- each of the 97 user tasks under a capability made for it: kept when the benchmark's utility check passes and every call was allowed;
- the same tasks under a capability that grants none of the suite's tools: nothing runs;
- each injection task's calls under every user task's list of tools: how many pairs a perfect tool list lets through, for the record.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

agentdojo = pytest.importorskip("agentdojo", reason="needs the extra [agentdojo]")

from agentdojo.agent_pipeline.ground_truth_pipeline import GroundTruthPipeline  # noqa: E402  # after the skip
from agentdojo.functions_runtime import FunctionCall, FunctionsRuntime  # noqa: E402  # as above
from agentdojo.task_suite.load_suites import get_suites  # noqa: E402  # as above

from gate import ANY, AnyOf, Denied, Exact, Gate, optional  # noqa: E402  # as above

SUITES = get_suites("v1.1.2")
USER_TASKS = [(name, task) for name, suite in SUITES.items() for task in suite.user_tasks.values()]
PAIRS_ALL, PAIRS_PASSING = 609, 85  # of the pairs whose injection task has calls; the second is what a perfect list of tools lets through

pytestmark = pytest.mark.filterwarnings("ignore")  # the benchmark's own dependencies warn


class Counter:
    """How many tools really ran."""

    def __init__(self) -> None:
        self.ran = 0


@pytest.fixture(scope="module")
def gates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[Gate, list[Any], Counter]]]:
    """Per suite: a gate, its tools behind it, and a count of real runs."""
    made = {}
    for name, suite in SUITES.items():
        gate, counter = Gate(tmp_path_factory.mktemp(name) / ".gate"), Counter()
        made[name] = (gate, [_gated(gate, tool, counter) for tool in suite.tools], counter)
    yield made
    for gate, _, _ in made.values():
        gate.close()


def _gated(gate: Gate, tool: Any, counter: Counter) -> Any:
    """The suite's tool with its function behind the gate; what the benchmark injects stays the program's business."""
    gated = gate.wrap(_counted(tool.run, counter), name=tool.name, inject=tuple(tool.dependencies))
    return tool.model_copy(update={"run": gated})


def _counted(function: Any, counter: Counter) -> Any:
    import functools

    @functools.wraps(function)
    def counting(*args: Any, **kwargs: Any) -> Any:
        counter.ran += 1
        return function(*args, **kwargs)

    return counting


def _calls(suite: Any, task: Any) -> list[FunctionCall]:
    """The ground truth's calls, nested ones too, with the arguments as they are sent."""
    environment = suite.load_and_inject_default_environment({})
    environment = task.init_environment(environment) if hasattr(task, "init_environment") else environment
    return [call for top in task.ground_truth(environment) for call in _nested(top)]


def _nested(call: FunctionCall) -> list[FunctionCall]:
    return [*(inner for value in call.args.values() if isinstance(value, FunctionCall) for inner in _nested(value)), call]


def _grants(suite: Any, calls: list[FunctionCall]) -> dict[str, object]:
    """The narrowest grants that cover the calls: each argument only with the values that the task needs."""
    schemas = {tool.name: tool.parameters.model_fields for tool in suite.tools}
    grants: dict[str, dict[str, Any]] = {}
    for name in {call.function for call in calls}:
        used = [call.args for call in calls if call.function == name]
        grants[name] = {argument: _values(used, argument) for argument in schemas[name]}
    return {name: entries or ANY for name, entries in grants.items()}


def _values(used: list[Any], argument: str) -> Any:
    if any(isinstance(args.get(argument), FunctionCall) for args in used):
        return ANY  # the result of another call of the task, which cannot be known before
    given = {json.dumps(args[argument], sort_keys=True): args[argument] for args in used if argument in args}
    missing = any(argument not in args for args in used)
    if missing:
        return optional(ANY) if not given else ANY
    return AnyOf([Exact(value) for value in given.values()])


@pytest.mark.parametrize(("suite_name", "task"), USER_TASKS, ids=[f"{name}-{task.ID}" for name, task in USER_TASKS])
def test_a_user_task_is_kept_under_its_own_capability(suite_name: str, task: Any, gates: Any) -> None:
    suite, (gate, tools, counter) = SUITES[suite_name], gates[suite_name]
    calls = _calls(suite, task)
    before = counter.ran
    tools_granted = _grants(suite, calls) or {"nothing": ANY}
    with gate.acting(gate.grant("assistant", tools=tools_granted, calls=len(calls)), task=task.ID):
        useful, _ = suite.run_task_with_pipeline(GroundTruthPipeline(task), task, None, {}, lambda _: FunctionsRuntime(tools))
    assert useful
    assert counter.ran - before == len(calls)


def test_all_97_user_tasks_are_there() -> None:
    assert len(USER_TASKS) == 97


@pytest.mark.parametrize("suite_name", SUITES)
def test_nothing_runs_under_a_capability_without_the_tools(suite_name: str, gates: Any) -> None:
    suite, (gate, tools, counter) = SUITES[suite_name], gates[suite_name]
    runtime, before, refused, calls = FunctionsRuntime(tools), counter.ran, 0, 0
    with gate.acting(gate.grant("assistant", tools={"nothing": ANY})):
        for task in suite.user_tasks.values():
            environment = suite.load_and_inject_default_environment({})
            for call in _calls(suite, task):
                calls += 1
                args = {name: "x" if isinstance(value, FunctionCall) else value for name, value in call.args.items()}
                with pytest.raises((Denied, ValueError)) as caught:  # ValueError: the suite's own validation of the stand-in value
                    runtime.run_function(environment, call.function, args, raise_on_error=True)
                refused += isinstance(caught.value, Denied)
    assert counter.ran == before
    assert refused >= calls - 2


def test_injections_under_a_list_of_tools(capsys: pytest.CaptureFixture[str]) -> None:
    """A list of tools alone: what it lets through is the reason why grants name arguments."""
    passing = pairs = narrow = 0
    for suite in SUITES.values():
        for task in suite.user_tasks.values():
            calls = _calls(suite, task)
            with Gate("/nonexistent-never-opened") as gate:
                del gate
            listed = {call.function for call in calls}
            for injection in suite.injection_tasks.values():
                wanted = _calls(suite, injection)
                if wanted:
                    pairs += 1
                    passing += all(call.function in listed for call in wanted)
    assert narrow == 0
    with capsys.disabled():
        print(f"\nAgentDojo v1.1.2: {passing} of {pairs} injected pairs pass a perfect list of tools")
    assert (pairs, passing) == (PAIRS_ALL, PAIRS_PASSING)
