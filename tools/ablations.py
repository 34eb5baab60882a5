"""Break the networks of a chapter on purpose, and see whether its bands and asserts notice.

    python tools/ablations.py chapters/05_training.ipynb    every ablation that makes sense there
    python tools/ablations.py chapters/*.ipynb              all chapters that train or measure
    python tools/ablations.py --only "no BPTT" chapters/08* one of them; nothing is stored

A chapter is run as it is, and then once for each ablation with some lines put before its first
cell, which take one part out of the package or of PyTorch: nothing in the chapter itself changes.
What counts is what the unbroken run does not do: a value outside its band, a cell that raises. An
ablation that nothing notices, and a band that notices none of them, are printed with a mark: the
band is to be narrowed, or to go, and the text is to say what cannot be told apart.

What came out is stored, chapter by chapter, in tools/ablations.md.
"""

import argparse
import json
import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

from notebooks import ANSI_COLOUR, ROOT, execute, inserted
from rnnbook.atomic import write_atomically

TABLE, PAGE = ROOT / "tools" / "ablations.md", ROOT / "CONTRIBUTING.md"
MARK = "BAND "
HEAD = """# Networks broken on purpose

Each row names one part that was taken out of the package or of PyTorch, and what in the chapter
noticed: bands, which are the ranges printed as *(book: ... to ...)*, and asserts. Written by
`tools/ablations.py`, which says what each part is.
"""

# Before everything else: `expect` reports and never raises.
REPORT = """
import json as _json
import rnnbook, rnnbook.reproducibility as _r


def _expect(label, value, low, high, digits=2):
    print({mark!r} + _json.dumps([label, bool(low <= float(value) <= high)]))


rnnbook.expect = _r.expect = _expect
"""
# Change what training is given, wherever it is called from.
BEFORE_FIT = """
import rnnbook.diagnostics as _d, rnnbook.training as _t

_fit = _t.fit


def _broken(model, batches, loss, **options):
    {change}
    return _fit(model, batches, loss, **options)


_t.fit = _d.fit = _broken
"""
# Read sequences, packed ones too, step by step in each layer that need not see the end first.
BY_STEPS = """
import torch
from torch import nn
import rnnbook.recurrent as _rec


def _rows(state, index):
    if isinstance(state, tuple):
        return tuple(_rows(part, index) for part in state)
    return state[:, index]


def _joined(new, old, size):
    if isinstance(new, tuple):
        return tuple(_joined(*parts, size) for parts in zip(new, old))
    return torch.cat([new, old[:, size:]], 1)


def _packed(whole, self, input):
    outputs, hx = [], None
    for step in input.data.split(input.batch_sizes.tolist()):
        size = len(step)
        before = None if hx is None else _rec.detach(_rows(hx, slice(size)))
        output, after = whole(self, step.unsqueeze(int(self.batch_first)), before)
        outputs.append(output.squeeze(int(self.batch_first)))
        hx = after if hx is None else _joined(after, hx, size)
    if input.unsorted_indices is not None:
        hx = _rows(hx, input.unsorted_indices)
    return input._replace(data=torch.cat(outputs)), hx


def _stepped(whole):
    def forward(self, input, hx=None):
        if self.bidirectional or not (torch.is_grad_enabled() and self.training):
            return whole(self, input, hx)
        if isinstance(input, nn.utils.rnn.PackedSequence) and hx is None:
            return _packed(whole, self, input)
        if not (isinstance(input, torch.Tensor) and input.dim() == 3):
            return whole(self, input, hx)
        axis, outputs = int(self.batch_first), []
        for step in input.split(1, axis):
            output, hx = whole(self, step, _rec.detach(hx))
            outputs.append(output)
        return torch.cat(outputs, axis), hx
    return forward


for _layer in (nn.RNN, nn.LSTM, nn.GRU, _rec._Recurrent):
    _layer.forward = _stepped(_layer.forward)
"""

ABLATIONS = {
    "untrained": """
import torch

for _kind in (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW):
    _kind.step = lambda self, closure=None: None
""",
    "state reset": """
import torch
from rnnbook.models import CharLM as _LM

_forward = _LM.forward
_LM.forward = lambda self, X, state=None: _forward(
    self, X, None if torch.is_grad_enabled() else state
)
""",
    "no BPTT": BY_STEPS,
    "recurrence frozen at 0": BEFORE_FIT.format(
        change="""for name, p in model.named_parameters():
        if "weight_hh" in name:
            p.requires_grad_(False).zero_()"""
    ),
    "head alone trained": BEFORE_FIT.format(
        change="""for name, p in model.named_parameters():
        if "weight_ih" in name or "weight_hh" in name or "bias_" in name:
            p.requires_grad_(False)"""
    ),
    "no clip": """
import math
from torch import nn as _nn

_clip = _nn.utils.clip_grad_norm_
_nn.utils.clip_grad_norm_ = lambda parameters, max_norm, *a, **k: _clip(parameters, math.inf)
""",
    "no zero_grad": """
import torch

torch.optim.Optimizer.zero_grad = lambda self, set_to_none=True: None
torch.nn.Module.zero_grad = lambda self, set_to_none=True: None
""",
    "targets scrambled": """
import torch

_ce = torch.nn.functional.cross_entropy


def _scrambled(logits, targets, *a, **k):
    if torch.is_grad_enabled() and targets.dim() == 1:
        order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(0))
        targets = targets[order.to(targets.device)]
    return _ce(logits, targets, *a, **k)


torch.nn.functional.cross_entropy = _scrambled
""",
    "transposed backward": """
import torch
import rnnbook.recurrent as _rec


def _backward(ctx, g):
    hs, h0, W = ctx.saved_tensors
    slope, d = _rec.NONLINEARITIES[ctx.nonlinearity][1](hs), torch.zeros_like(g)
    for t in reversed(range(len(g))):
        d[t] = (g[t] + (d[t + 1] @ W if t + 1 < len(g) else 0)) * slope[t]
    before = torch.cat([h0.unsqueeze(0), hs[:-1]])
    return d, d[0] @ W, before.flatten(0, 1).T @ d.flatten(0, 1), None


_rec.Recurrence.backward = staticmethod(_backward)
""",
    "recursion by hand cut": """
import torch
import rnnbook.bptt as _b

_whole = _b.loss_and_gradients


def _cut(params, inputs, targets, h0, crossing=None):
    nowhere = torch.zeros(len(inputs))
    return _whole(params, inputs, targets, h0, nowhere if crossing is None else crossing)


_b.loss_and_gradients = _cut
""",
    "no tanh": """
import torch
import rnnbook.recurrent as _rec

_rec.NONLINEARITIES["tanh"] = (lambda a: a, torch.ones_like)
""",
    "lengths ignored": """
from rnnbook.models import SequenceClassifier as _SC

_summary = _SC.summary
_SC.summary = lambda self, X, lengths=None: _summary(self, X, None)
""",
    "dropout left out": """
import torch
from torch import nn as _nn

_nn.functional.dropout = lambda x, *a, **k: x
for _layer in (_nn.RNN, _nn.LSTM, _nn.GRU):
    def _without(self, *a, _start=_layer.__init__, **k):
        _start(self, *a, **k)
        self.dropout = 0.0
    _layer.__init__ = _without
""",
    "Jacobian without its slopes": """
import torch
import rnnbook.diagnostics as _d

_norms = _d.jacobian_norms
_d.jacobian_norms = lambda W, hs, kind="tanh": _norms(W, torch.zeros_like(hs), "tanh")
""",
    "Jacobian of the transpose": """
import rnnbook.diagnostics as _d

_norms = _d.jacobian_norms
_d.jacobian_norms = lambda W, hs, kind="tanh": _norms(W.T, hs, kind)
""",
    "Jacobian one step off": """
import torch
import rnnbook.diagnostics as _d

_norms = _d.jacobian_norms
_d.jacobian_norms = lambda W, hs, kind="tanh": _norms(W, torch.cat([hs[1:], hs[-1:]]), kind)
""",
}
# What makes sense where: the chapters that measure, and those that train by whose layers.
TRAINING = [
    "untrained", "state reset", "no BPTT", "recurrence frozen at 0", "head alone trained",
    "no clip", "no zero_grad", "targets scrambled",
]  # fmt: skip
OWN_LAYERS = ["transposed backward", "no tanh"]
BY_HAND = [name for name in ABLATIONS if name.startswith(("Jacobian", "recursion by hand"))]
# Names do not go on from one minibatch to the next: there is no state to be carried.
NAMES = [
    *(name for name in TRAINING if name != "state reset"),
    "lengths ignored",
    "dropout left out",
]
CHAPTERS = {
    "04": ["no tanh", *BY_HAND],
    "04b": [*OWN_LAYERS, *BY_HAND],
    "05": [*TRAINING, *OWN_LAYERS],
    "05b": [*TRAINING, *OWN_LAYERS],
    # It has a loop of its own, and resets and freezes as its own experiments.
    "06": [
        "untrained",
        "no BPTT",
        "no clip",
        "no zero_grad",
        "targets scrambled",
        *OWN_LAYERS,
        *BY_HAND,
    ],
    "07": TRAINING,
    "08": TRAINING,
    "09": TRAINING,
    "10": [*TRAINING, "dropout left out"],
    "11": NAMES,
    "12": NAMES,
}


@dataclass
class Run:
    """What a chapter said: each band by its label, whether it held, and the cells that raised."""

    bands: dict[str, bool] = field(default_factory=dict)
    raised: dict[str, str] = field(default_factory=dict)


def run(path: Path, prelude: str = "") -> Run:
    """Run a chapter with some lines before it.

    Args:
        path: the notebook; it is not changed.
        prelude: Python code; none for the chapter as it is.
    Returns:
        What it said. A label that comes again is numbered.
    """
    notebook = nbformat.read(path, as_version=4)
    first = nbformat.v4.new_code_cell(REPORT.format(mark=MARK) + prelude)
    notebook.cells.insert(0, first)
    execute(notebook, path.parent, keep_going=True)
    found, seen = Run(), Counter[str]()
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                said = ANSI_COLOUR.sub("", f"{output.ename}: {output.evalue}")
                found.raised[cell.id] = said.splitlines()[0][:100]
            if output.output_type != "stream":
                continue
            for line in re.findall(f"^{MARK}(.*)$", output.text, re.MULTILINE):
                label, held = json.loads(line)
                seen[label] += 1
                found.bands[label if seen[label] == 1 else f"{label} ({seen[label]})"] = held
    if first.id in found.raised:
        raise RuntimeError(f"the lines before {path.name} failed: {found.raised[first.id]}")
    return found


@dataclass
class Row:
    """What noticed one ablation: labels of bands, first lines of errors."""

    bands: list[str]
    raised: list[str]

    @property
    def said(self) -> str:
        """Return it as a cell of the table."""
        parts = [f"{len(self.bands)} bands"] if self.bands else []
        parts += [f"{len(self.raised)} asserts"] if self.raised else []
        return ", ".join(parts) or "**nothing**"


def compare(whole: Run, broken: Run) -> Row:
    """Say what a broken run does that the whole one does not.

    A band that is not reached any more, since a cell before it raised, is not counted as outside.
    """
    outside = [label for label, held in broken.bands.items() if not held and whole.bands.get(label)]
    raised = [said for cell, said in broken.raised.items() if cell not in whole.raised]
    return Row(outside, raised)


def examine(path: Path, names: list[str]) -> tuple[Run, dict[str, Row]]:
    """Run a chapter as it is and with each ablation; print what noticed which.

    Raises:
        RuntimeError: if the chapter does not hold as it is.
    """
    whole = run(path)
    wrong = [label for label, held in whole.bands.items() if not held] + list(whole.raised.values())
    if wrong:
        raise RuntimeError(f"{path.name} does not hold as it is: {'; '.join(wrong)}")
    rows = {}
    for name in names:
        rows[name] = compare(whole, run(path, ABLATIONS[name]))
        noticed = "; ".join([*rows[name].bands, *rows[name].raised]) or "NOTHING NOTICES"
        print(f"{path.name}, {name}: {noticed}", flush=True)
    return whole, rows


def silent_bands(whole: Run, rows: dict[str, Row]) -> list[str]:
    """Return the bands that no ablation has moved out of."""
    noticed = {label for row in rows.values() for label in row.bands}
    return [label for label in whole.bands if label not in noticed]


def section(path: Path, whole: Run, rows: dict[str, Row]) -> str:
    """Return a chapter's part of the table, in Markdown."""
    lines = [f"## {path.stem}", "", "| taken out | noticed by | which |", "| --- | --- | --- |"]
    for name, row in rows.items():
        which = "; ".join([*row.bands, *row.raised]).replace("|", "/")
        lines.append(f"| {name} | {row.said} | {which} |")
    silent = silent_bands(whole, rows)
    lines += ["", f"{len(whole.bands)} bands, of which these notice none of them: "]
    lines[-1] += ("; ".join(silent) if silent else "none") + "."
    return "\n".join(lines) + "\n"


def summary(table: str) -> str:
    """Return a whole table in short: a row for each ablation, a column for each chapter."""
    found: dict[str, dict[str, str]] = {}
    for part in re.split(r"^(?=## )", table, flags=re.MULTILINE)[1:]:
        chapter = part.split("\n")[0][3:].split("_")[0]
        rows = re.findall(r"^\| (.+?) \| (.+?) \| .*\|$", part, re.MULTILINE)
        found[chapter] = {
            name: "+".join(re.findall(r"\d+", said)) or "**nothing**" for name, said in rows[2:]
        }
    chapters = sorted(found)
    lines = [["taken out", *chapters], ["---"] * (len(chapters) + 1)]
    for name in ABLATIONS:
        if any(name in rows for rows in found.values()):
            lines.append([name, *(found[chapter].get(name, "") for chapter in chapters)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def store(parts: dict[str, str], table: Path = TABLE, page: Path = PAGE) -> None:
    """Put the parts of some chapters into the table; those of the others stay.

    The page of the authors shows it in short.
    """
    old = table.read_text("utf-8") if table.is_file() else ""
    _, *sections = re.split(r"^(?=## )", old, flags=re.MULTILINE)
    kept = {text.split("\n")[0][3:]: text.rstrip() + "\n" for text in sections} | parts
    body = "\n".join(kept[name] for name in sorted(kept))
    whole = f"{HEAD}\n{body}"
    write_atomically(table, whole.encode())
    shown = inserted(page.read_text("utf-8"), "ablations", summary(whole))
    write_atomically(page, shown.encode())


def main() -> None:
    """Read the command line and examine every chapter named there."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("chapters", nargs="+", type=Path)
    parser.add_argument("--only", choices=list(ABLATIONS), help="one ablation; nothing is stored")
    arguments = parser.parse_args()
    for path in arguments.chapters:
        names = CHAPTERS.get(path.stem.split("_")[0], [])
        if arguments.only:
            names = [arguments.only]
        if not names:
            print(f"{path.name} neither trains nor measures", file=sys.stderr)
            continue
        whole, rows = examine(path, names)
        if not arguments.only:
            store({path.stem: section(path, whole, rows)})


if __name__ == "__main__":
    main()
