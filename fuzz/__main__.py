"""`python -m fuzz`: fuzz every parser for some minutes, replay an input, or make the corpus."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from fuzz import corpus
from fuzz.campaign import Campaign
from fuzz.engine import guided
from fuzz.target import Finding, Target, judge
from fuzz.targets import TARGETS

OUT = Path(".fuzz")
FOUND, INTERRUPTED = 1, 130
EPILOG = """\
The rule of every target: any bytes become a valid object or the documented error, nothing else, in bounded time and
memory; what is written is read back as it was.

Findings are written to .fuzz/findings, each with the command that replays it; inputs that reached something new are
kept in .fuzz/corpus for the next run. The corpus of the repository lies in fuzz/corpus; to make a mended finding part
of it: copy the input to fuzz/corpus/<target>/found-<what it was>.

exit status: 0 nothing was found, 1 something was, 2 the command line is wrong, 130 interrupted
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fuzz",
        description="Feed hostile bytes to every place that reads what others wrote.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=_positive, default=5.0, help="for how long in all (default: 5)")
    parser.add_argument("--only", action="append", metavar="NAME", help="this target alone; may be given several times")
    parser.add_argument("--seed", type=int, default=0, help="of all chance (default: another one every time)")
    parser.add_argument(
        "--jobs", type=int, default=1, choices=range(1, 65), metavar="N", help="targets at a time (default: 1)"
    )
    parser.add_argument("--unguided", action="store_true", help="do without atheris, by the outcomes of inputs alone")
    parser.add_argument("--list", action="store_true", help="name the targets and what they reach")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="run one input through the target of --only")
    parser.add_argument("--make-corpus", action="store_true", help="write the seeds of fuzz/corpus anew")
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 100_000:
        raise argparse.ArgumentTypeError("more than 0 minutes")
    return value


def _chosen(parser: argparse.ArgumentParser, names: list[str] | None) -> list[Target]:
    unknown = sorted(set(names or ()) - set(TARGETS))
    if unknown:
        parser.error(f"there is no target {', '.join(unknown)}; there are: {', '.join(TARGETS)}")
    return [TARGETS[name] for name in names or TARGETS]


def _replay(parser: argparse.ArgumentParser, chosen: list[Target], path: Path) -> int:
    if len(chosen) != 1:
        parser.error("--replay needs the name of one target: --only NAME --replay FILE")
    try:
        data = path.read_bytes()
    except OSError as wrong:
        parser.error(f"{path}: cannot be read ({wrong.strerror})")
    try:
        print(f"{chosen[0].name}: {judge(chosen[0], data)}")
    except Finding as finding:
        print(f"{chosen[0].name}: {finding.key}\n\n{finding.text}")
        return FOUND
    return 0


def _fuzz(chosen: list[Target], given: argparse.Namespace) -> int:
    unguided = given.unguided or not guided()
    why = "" if given.unguided or guided() else " (atheris is not installed here)"
    seed = given.seed or int(time.monotonic_ns() % 2**31) or 1
    how = f"by outcomes{why}" if unguided else "by coverage"
    campaign = Campaign(OUT, seed=seed, jobs=given.jobs, unguided=unguided)
    before = _findings(campaign.findings)
    try:
        print(f"{len(chosen)} targets, {given.minutes:g} minutes, seed {seed}, {how}", flush=True)
        campaign.run(chosen, given.minutes)
        status = 0
    except KeyboardInterrupt:
        print("interrupted")
        status = INTERRUPTED
    new = sorted(_findings(campaign.findings) - before)
    for path in new:
        print(f"FOUND {path}\n  {_first_line(path)}")
    print(f"{len(new)} new findings; {campaign.findings} has them all" if new else "nothing new was found")
    return FOUND if new else status


def _findings(folder: Path) -> set[Path]:
    return {path for path in folder.glob("*") if path.suffix != ".txt" or path.stem.endswith("-ended")}


def _first_line(path: Path) -> str:
    text = path.with_suffix(".txt")
    if not text.exists():
        name = max((name for name in TARGETS if path.name.startswith(f"{name}-")), key=len, default="")
        return f"ended the process; replay: python -m fuzz --only {name} --replay {path}"
    lines = text.read_text(encoding="utf-8").splitlines()
    return f"{lines[0]}\n  {lines[-1]}"


def main() -> int:
    """Do what the command line says; the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parser = _parser()
    given = parser.parse_args()
    chosen = _chosen(parser, given.only)
    if given.list:
        for one in chosen:
            print(f"{one.name:<18} {', '.join(one.covers)}")
        return 0
    if given.make_corpus:
        changed = corpus.make()
        print("\n".join([*map(str, changed), f"{len(changed)} files changed in {corpus.FOLDER}"]))
        return 0
    if given.replay:
        return _replay(parser, chosen, given.replay)
    return _fuzz(chosen, given)


if __name__ == "__main__":
    sys.exit(main())
