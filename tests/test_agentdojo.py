"""The main job on real input: AgentDojo's own tools (suite v1.1.2) behind the gate, replayed from the package's ground truth, no LLM.

- each of the 97 user tasks under a capability made for it: kept when the benchmark's utility check passes and every call was allowed;
- the same tasks under a capability that grants none of the suite's tools: nothing runs;
- each injection task's calls under every user task's list of tools: how many pairs a perfect tool list lets through, for the record.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

agentdojo = pytest.importorskip("agentdojo", reason="needs the extra [agentdojo]")

from agentdojo.agent_pipeline.ground_truth_pipeline import GroundTruthPipeline  # noqa: E402  # after the skip
from agentdojo.functions_runtime import FunctionCall, FunctionsRuntime  # noqa: E402  # as above
from agentdojo.task_suite.load_suites import get_suites  # noqa: E402  # as above

from gate import ANY, AllOf, Allow, AnyOf, Constraint, Contains, Denied, Gate, OneOf, Subset  # noqa: E402  # as above

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
    tools = {tool.name: tool for tool in suite.tools}
    grants: dict[str, Any] = {}
    for name in {call.function for call in calls}:
        used = [_sent(tools[name], call.args) for call in calls if call.function == name]
        grants[name] = {argument: _values([args[argument] for args in used]) for argument in tools[name].parameters.model_fields} or ANY
    return grants


def _sent(tool: Any, args: Any) -> dict[str, Any]:
    """The arguments as the benchmark sends them, with its defaults; a nested call stays one."""
    fields = tool.parameters.model_fields
    return {name: args[name] if name in args else fields[name].get_default() for name in fields}


def _values(values: list[Any]) -> Constraint:
    """These values and no others; the result of another call of the task, which cannot be known before, may be anything."""
    if any(isinstance(value, (FunctionCall, dict)) for value in values):
        return ANY
    lists = [AllOf([Contains(value), Subset(value)]) for value in values if isinstance(value, list)]
    scalars = [value for value in values if not isinstance(value, list)]
    return AnyOf([*([OneOf(scalars)] if scalars else []), *lists])


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


def test_injections_under_a_list_of_tools_and_under_narrow_grants(gates: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A list of tools alone, then grants that name values: what passes is counted by asking the gate about every injected call."""
    pairs = listed = narrow = 0
    for name, suite in SUITES.items():
        gate = gates[name][0]
        injected = [calls for injection in suite.injection_tasks.values() if (calls := _calls(suite, injection))]
        for task in suite.user_tasks.values():
            own = _calls(suite, task)
            tools = {call.function: ANY for call in own} or {"nothing": ANY}
            pairs += len(injected)
            with gate.acting(gate.grant("assistant", tools=tools)):
                listed += sum(_all_allowed(gate, calls) for calls in injected)
            with gate.acting(gate.grant("assistant", tools=_grants(suite, own) or tools)):
                narrow += sum(_all_allowed(gate, calls) for calls in injected)
    with capsys.disabled():
        print(f"\nAgentDojo v1.1.2: of {pairs} pairs, {listed} pass a perfect list of tools, {narrow} pass grants that name the task's values")
    assert (pairs, listed) == (PAIRS_ALL, PAIRS_PASSING)
    assert narrow < listed


def _all_allowed(gate: Gate, calls: list[FunctionCall]) -> bool:
    """Whether the gate would let every one of these calls run."""
    for call in calls:
        args = {name: "x" if isinstance(value, FunctionCall) else value for name, value in call.args.items()}
        try:
            if not isinstance(gate.check(call.function, args), Allow):
                return False
        except Denied:
            return False
    return True
