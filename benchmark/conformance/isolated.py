"""The rules applied in a process of its own, so that whatever a front-end does costs that rule alone."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from benchmark.conformance import RULES, Finding, Status, apply_rule, explained, others_skipped
from benchmark.conformance.findings import failed
from benchmark.errors import EarmarkError
from benchmark.front_end_description import confined
from benchmark.frontends import build_front_end
from benchmark.options import named
from benchmark.sandbox import SandboxedProcess
from benchmark.sandbox.process import Answer, Handler

RULE_SECONDS = 300.0  # that a rule may take; ours


def examine_isolated(entry: str | Mapping[str, Any], hidden: Sequence[Path] = ()) -> Iterator[Finding]:
    """Apply every rule in order, as `examine` does.

    Args:
        entry: of the front-end, as recipes write it
        hidden: folders that its code cannot read
    Raises:
        EarmarkError: it cannot be built
    """
    name, options = named("front-end", entry)
    confinement = confined(name, options, hidden, downloads=True)
    with SandboxedProcess(
        "benchmark.conformance.isolated:serve", {"entry": {name: options}}, confinement, name
    ) as process:
        process.start()  # what cannot be built is the user's error, not a finding
        for number, rule in enumerate(RULES):
            try:
                values = process.ask({"rule": number}, seconds=RULE_SECONDS).values
                told = values.get("status"), values.get("came")
                status = told[0] if told[0] in get_args(Status) else "failed"
                found = Finding(status, str(told[1])[:2000])  # type: ignore[arg-type]
            except EarmarkError as error:  # the process was lost
                found = failed(str(error))
            yield explained(found, rule)
            if not number and found.status == "failed":
                yield others_skipped()
                return


def serve(entry: Mapping[str, Any]) -> Handler:
    """In that process: apply the rules that are asked for."""
    build_front_end(entry)

    def answer(request: Mapping[str, Any], arrays: Sequence[Any]) -> Answer:
        found = apply_rule(RULES[request["rule"]], lambda: build_front_end(entry))
        return Answer({"status": found.status, "came": found.came})

    return answer
