"""Check that a front-end keeps to what the engine relies on.

For each rule that it breaks, the command prints what was expected, what came instead and why it matters; the exit
status is then 1.
"""

import argparse

from benchmark.cli._arguments import add_options, constructor_options, hidden_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "front_end",
        metavar="FRONTEND",
        help="a registered name, path/to/file.py:Class, model.onnx, or speechbrain:FOLDER",
    )
    add_options(parser)


def run(options: argparse.Namespace) -> int:
    """Examine the front-end; 1 where a rule is broken."""
    from benchmark.conformance import line, summary
    from benchmark.conformance.isolated import examine_isolated
    from benchmark.frontends import entry_of

    findings = []
    for finding in examine_isolated(entry_of(options.front_end, constructor_options(options)), hidden_of(options)):
        findings.append(finding)
        print(line(finding), flush=True)
    print(f"\n{summary(findings)}")
    return int(any(finding.status == "failed" for finding in findings))
