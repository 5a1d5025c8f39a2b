"""Models of real libraries: nincost's answers against PyTorch's own, with no GPU.

    python benchmarks/real_models.py --results found.json --report reports/real_models.md
    python benchmarks/real_models.py --results found.json "bert-base train" "llama*"
    python benchmarks/real_models.py "bert-base train" --events      # where allocations differ

Each case of `real_model_cases` (those whose library is installed) is asked by profile, check,
memory and fit; a plain training loop then runs in PyTorch's own CUDA build on the emulated GPU, for
as many steps as were predicted, and FlopCounterMode counts a forward pass. Results are kept as they
come; what is there already is not run again without --again.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
from real_model_cases import CASES, load
from real_model_cases.reasons import REASONS

from nincost._devices.cards import get_gpu
from nincost._emulator.verification.emulated_step import step_environment

HERE = Path(__file__).resolve().parent
ASKED = "memory,profile,check,fit"


def lines_of(program: str, *arguments: str, variables: Mapping[str, str]) -> Iterator[Any]:
    """What a child prints, a document a line; its last words are shown where it fails."""
    path = os.pathsep.join(filter(None, [str(HERE), variables.get("PYTHONPATH", "")]))
    command = [sys.executable, str(HERE / "real_model_cases" / program), *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**variables, "PYTHONPATH": path}
    ) as child:
        for line in child.stdout or ():
            if line.startswith("{"):
                yield json.loads(line)
    if child.returncode:
        print(f"{program} ended with exit status {child.returncode}", file=sys.stderr)


def run(
    names: list[str], gpu: str, found: dict[str, Any], keep: Path | None, *, again: bool, asked: str
) -> None:
    """Ask nincost and PyTorch about the cases; `found` gets what each says.

    Without `again` PyTorch is not asked once more where it took as many steps already.
    """

    def save() -> None:
        if keep is not None:
            keep.write_text(json.dumps(found, indent=1))

    for said in lines_of("predict.py", json.dumps(names), gpu, asked, variables=os.environ):
        before = found.get(said["name"], {}) if not again else {}
        library = CASES[said["name"]].library
        both = {**before.get("said", {}), **said}
        found[said["name"]] = {**before, "library": library, "said": both}
        save()
    steps = {}
    for name in names:
        wanted = found.get(name, {}).get("said", {}).get("memory", {}).get("steps", 4)
        taken = found.get(name, {}).get("taken", {})
        if name in found and ("allocated" not in taken or taken.get("steps", 4) < wanted):
            steps[name] = wanted
        elif name in found:
            print(line(name, found[name]), flush=True)
    truth = step_environment(get_gpu(gpu))
    while steps:
        before = len(steps)
        for taken in lines_of("taken.py", json.dumps(steps), variables=truth):
            del steps[taken["name"]]
            found[taken["name"]]["taken"] = taken
            print(line(taken["name"], found[taken["name"]]), flush=True)
            save()
        if len(steps) == before:  # it died
            name = next(iter(steps))
            found[name]["taken"] = {"problem": "the process ended"}
            del steps[name]


def line(name: str, one: Mapping[str, Any]) -> str:
    """A case in one line."""
    said, taken = one["said"], one.get("taken", {})
    memory = said.get("memory", {})
    words = [name]
    for asked in ("memory", "profile", "check", "fit"):
        if "problem" in said.get(asked, {}):
            words.append(f"{asked}: {said[asked]['problem'][:160]}")
    words += [f"problem: {part['problem'][:200]}" for part in (said, taken) if "problem" in part]
    for kind in ("allocated", "reserved"):
        if kind in memory and kind in taken:
            words.append(f"{kind} {taken[kind] / 2**20:.1f} {share(memory[kind], taken[kind])}")
    if "macs" in said.get("profile", {}) and "flops" in taken:
        words.append(f"macs {share(2 * said['profile']['macs'], taken['flops'])}")
    if memory.get("assumptions"):
        words.append(f"assumes {len(memory['assumptions'])}")
    if memory.get("uncounted"):
        words.append(f"uncounted {memory['uncounted']}")
    if not said.get("check", {}).get("ok", True):
        words.append("check disagrees")
    words.append(f"{memory.get('steps')} steps {memory.get('seconds', 0):.1f} s")
    return "; ".join(words)


def share(mine: int, real: int) -> str:
    """`=` or by how much a prediction is off."""
    return "=" if mine == real else f"{mine - real:+,} ({mine / real - 1 if real else 0:+.2%})"


def percent(mine: int, real: int) -> str:
    return "0" if mine == real else f"{mine - real:+,} ({mine / real - 1:+.2%})"


def summary(found: Mapping[str, Any]) -> list[str]:
    """How many agree, of those that both ran."""
    both = [
        (name, one["said"]["memory"], one["taken"])
        for name, one in found.items()
        if "allocated" in one.get("said", {}).get("memory", {})
        and "allocated" in one.get("taken", {})
    ]
    training = [part for part in both if not CASES[part[0]].options.get("inference")]
    lines = [
        f"{len(found)} cases of {len({one['library'] for one in found.values()})} libraries; "
        f"{len(both)} were predicted and run."
    ]
    for words, parts in (("training steps", training), ("all", both)):
        for kind in ("allocated", "reserved"):
            exact = sum(mine[kind] == real[kind] for _, mine, real in parts)
            near = sum(abs(mine[kind] / real[kind] - 1) < 1e-4 for _, mine, real in parts)
            off = sum(abs(mine[kind] / real[kind] - 1) > 0.01 for _, mine, real in parts)
            lines.append(
                f"{words[0].upper()}{words[1:]}, {kind}: {exact} of {len(parts)} to the byte "
                f"({exact / len(parts):.1%}), {near} within 0.01%, {off} off by more than 1%."
            )
    seconds = sorted(mine["seconds"] for _, mine, _ in both)
    lines.append(
        f"Predicting memory took {seconds[len(seconds) // 2]:.2f} s in the median, "
        f"{seconds[-1]:.1f} s at most, on two cores that other work shared."
    )
    profiles = [one["said"].get("profile", {}) for one in found.values()]
    pairs = [
        (2 * one["said"]["profile"]["macs"], one["taken"]["flops"])
        for one in found.values()
        if "macs" in one["said"].get("profile", {}) and "flops" in one.get("taken", {})
    ]
    params = [
        (one["said"]["profile"]["parameters"], one["taken"]["parameters"])
        for one in found.values()
        if "macs" in one["said"].get("profile", {}) and "parameters" in one.get("taken", {})
    ]
    lines.append(
        f"Parameters: right in {sum(a == b for a, b in params)} of {len(params)}. MACs: as "
        f"FlopCounterMode counts them in {sum(a == b for a, b in pairs)} of {len(pairs)}; profile "
        f"failed in {sum('problem' in one for one in profiles)}. check found no disagreement in "
        f"{sum(one['said'].get('check', {}).get('ok', False) for one in found.values())}."
    )
    return lines


def report(found: Mapping[str, Any], gpu: str) -> str:
    """All cases as a table, with what they were run by, and why those that differ do."""
    import torch

    lines = [
        "# Models of real libraries, predicted, and in PyTorch's own CUDA code without a GPU",
        "",
        f"torch {torch.__version__}; as on {get_gpu(gpu).title}; {date.today()}. Made by `python "
        "benchmarks/real_models.py --results FILE --report reports/real_models.md`.",
        "",
        "**Not measured on a GPU.** Models are built from their configurations, with no weights; a "
        "plain training loop runs in PyTorch's CUDA build on the emulated GPU (docs/run.md), for "
        "as many steps as were predicted (in the table). What is read back from the card is zeros "
        "there, but for what follows from what the script gave.",
        "",
        *[f"- {text}" for text in summary(found)],
        "",
        "| case | library | allocated, MiB | predicted less that | reserved, MiB | predicted less "
        "that | steps | MACs against FlopCounterMode | s | why |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for name, one in sorted(found.items(), key=lambda item: (item[1]["library"], item[0])):
        memory, taken = one["said"].get("memory", {}), one.get("taken", {})
        cells = [name, one["library"]]
        for kind in ("allocated", "reserved"):
            real = taken.get(kind)
            cells.append(f"{real / 2**20:,.1f}" if real else "")
            cells.append(percent(memory[kind], real) if real and kind in memory else "")
        cells.append(str(taken.get("steps", "")))
        macs = one["said"].get("profile", {}).get("macs")
        cells.append(percent(2 * macs, taken["flops"]) if macs and taken.get("flops") else "")
        cells.append(f"{memory.get('seconds', 0):.2f}")
        problem = memory.get("problem") or taken.get("problem") or ""
        assumed = "rests on assumptions" if memory.get("assumptions") else ""
        cells.append(REASONS.get(name) or problem.partition(":")[0] or assumed)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def events(name: str, gpu: str) -> None:
    """Print where a case's allocations differ."""
    from nincost._emulator.verification.changes import predicted, recorded, unlike

    with tempfile.TemporaryDirectory(prefix="nincost-") as folder:
        mine, real = Path(folder, "mine"), Path(folder, "real")
        said = next(lines_of("predict.py", json.dumps([name]), gpu, "memory", str(mine),
                             variables=os.environ))  # fmt: skip
        print(json.dumps(said, indent=1))
        steps = json.dumps({name: min(said["memory"]["steps"], 4)})
        for taken in lines_of(
            "taken.py", steps, "--events", str(real), variables=step_environment(get_gpu(gpu))
        ):
            print(json.dumps(taken, indent=1))
        entries, layers = pickle.loads(mine.read_bytes())
        history = pickle.loads(real.read_bytes())
        print("\n".join(unlike(predicted(entries, layers), recorded(history))))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", help="cases, or patterns of their names; all if none")
    parser.add_argument("--library", help="only its cases")
    parser.add_argument("--gpu", default="h100")
    parser.add_argument("--results", type=Path, help="a JSON file to keep what was found in")
    parser.add_argument("--report", type=Path, help="a Markdown file to write")
    parser.add_argument("--again", action="store_true", help="run what the results have already")
    parser.add_argument("--predict-again", action="store_true", help="ask nincost once more")
    parser.add_argument("--ask", default=ASKED, help="which of memory, profile, check and fit")
    parser.add_argument("--events", action="store_true", help="where a case's allocations differ")
    given = parser.parse_args()
    gpu = get_gpu(given.gpu).name
    for name, why in load().items():
        print(f"left out {name}: {why}", file=sys.stderr)
    if given.events:
        events(given.names[0], gpu)
        return
    found: dict[str, Any] = {}
    if given.results and given.results.exists():
        found = json.loads(given.results.read_text())
    wanted = [
        name
        for name, one in CASES.items()
        if (not given.names or any(fnmatch.fnmatch(name, one) for one in given.names))
        and given.library in (None, one.library)
        and (given.again or given.predict_again or "taken" not in found.get(name, {}))
    ]
    for start in range(0, len(wanted), 12):
        run(
            wanted[start : start + 12],
            gpu,
            found,
            given.results,
            again=given.again,
            asked=given.ask,
        )
    if given.report:
        given.report.write_text(report(found, gpu))


if __name__ == "__main__":
    main()
