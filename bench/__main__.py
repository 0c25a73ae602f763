"""`python -m bench [NAME] [--quick] [--json]`: run one benchmark, or all."""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import structlog

from bench import answers, console, context, faults, history, loop, overhead, recall, throughput, tokens
from bench.report import report

BENCHMARKS: dict[str, Callable[..., dict[str, Any]]] = {
    "answers": answers.run,
    "console": console.run,
    "context": context.run,
    "faults": faults.run,
    "history": history.run,
    "loop": loop.run,
    "overhead": overhead.run,
    "recall": recall.run,
    "throughput": throughput.run,
    "tokens": tokens.run,
}
FILES = {"questions": ("answers",), "transcripts": ("tokens", "recall")}
"""Which benchmarks take a file of which kind, as `NAME_file`."""


def main() -> int:
    """Run what is asked for; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Prosa's benchmarks; see bench/README.md.")
    parser.add_argument("name", nargs="?", choices=sorted(BENCHMARKS), help="which one; all where left out")
    parser.add_argument("--quick", action="store_true", help="a form that ends within 45 s; its figures are not kept")
    parser.add_argument("--json", action="store_true", help="print one JSON object a benchmark")
    for kind, takers in FILES.items():
        parser.add_argument(
            f"--{kind}", type=Path, metavar="FILE", help=f"of {', '.join(takers)}; made up where left out"
        )
    faulty = parser.add_argument_group("of faults")
    faulty.add_argument("--rounds", type=int, metavar="N", help=f"how often to kill; {faults.ROUNDS} where left out")
    faulty.add_argument(
        "--seed", type=int, metavar="N", help="of everything random; another one each time, and reported"
    )
    faulty.add_argument("--database", choices=("sqlite", "postgres"), help="sqlite where left out")
    faulty.add_argument("--processes", type=int, metavar="N", help="that share the numbers, one each; 1 where left out")
    options = parser.parse_args()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # standard output is the figures'
    for name in [options.name] if options.name else sorted(BENCHMARKS):
        files = {f"{kind}_file": getattr(options, kind) for kind, takers in FILES.items() if name in takers}
        more = {key: getattr(options, key) for key in ("rounds", "seed", "database", "processes") if name == "faults"}
        given = {key: value for key, value in more.items() if value is not None}
        done = report(name, BENCHMARKS[name](quick=options.quick, **files, **given))
        # what is kept is comparable: the whole form, on what it measures by default
        if not options.quick and not any(files.values()) and not given.keys() - {"seed"}:
            done.save()
        if options.json:
            print(json.dumps(asdict(done), ensure_ascii=False))
            continue
        print(f"{name}  ({done.machine}; {done.date})")
        for key, value in done.results.items():
            print(f"  {key:<26} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
