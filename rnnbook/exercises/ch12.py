"""Checks of chapter 12: a classifier of names, judged."""

import math
import random
from collections import Counter

import torch

from rnnbook import metrics
from rnnbook.datasets import surnames
from rnnbook.exercises.ch11 import scores
from rnnbook.exercises.kit import (
    Wrong,
    attempted,
    call,
    choice,
    default_dtype,
    exercise,
    number,
    numbers,
    ordered,
)
from rnnbook.ngram import NGramClassifier


@exercise("12.1", "What a label says", "what-a-label-says")
def exercise_12_1(answer):
    choice(
        answer,
        "abcd",
        "c",
        {
            "a": "nobody asked the bearers of these names anything",
            "b": "the lists say which names there are, not how common they are",
            "d": "the lists say where a name is used, not where it comes from",
        },
    )


@exercise("12.2", "The baseline, from a blank cell", "the-baseline-from-a-blank-cell")
def exercise_12_2(class_scores):
    counts = [Counter(["^^l", "^li", "li$", "^^l"]), Counter(["^^a", "^al", "li$"])]
    _examine_scores(class_scores, ["^^l", "li$"], counts, [2, 1], 0.3)
    counts = [Counter("rossineri"), Counter("nowakzajac")]
    _examine_scores(class_scores, list("onn"), counts, [2, 2], 0.3)
    _examine_scores(class_scores, list("ira"), counts, [30, 10], 0.3)
    _examine_scores(class_scores, list("rrzx"), counts, [3, 5], 1.0)
    rng = random.Random(0)
    for C in (2, 3, 5):
        counts = [
            Counter("".join(rng.choices("abcdef"[c % 3 :], k=rng.randint(5, 30)))) for c in range(C)
        ]
        members = [rng.randint(1, 20) for _ in range(C)]
        pieces = rng.choices("abcdefg", k=rng.randint(1, 9))
        _examine_scores(class_scores, pieces, counts, members, rng.choice((0.1, 0.5, 2)))


def _examine_scores(class_scores, pieces, counts, members, alpha):
    given = call(class_scores, pieces, counts, members, alpha)
    got = torch.tensor(numbers("the scores", given, len(counts)))
    right = _scores(pieces, counts, members, alpha)
    if torch.allclose(got, right, atol=1e-5):
        return
    where = f"for the pieces {pieces}, members {members}, alpha {alpha}: "
    for slip, reason in {
        "prior": "the classes' own share, the first logarithm, is missing",
        "exp": "those are products of probabilities; their logarithms are asked for",
        **dict.fromkeys(
            ("kinds", "sum", "own"),
            "K counts the different pieces of all classes together, each once",
        ),
        "total": "alpha is added to every piece's count: the total grows by alpha * K",
        "alpha": "alpha is missing above the line",
        "once": "a piece that stands twice in the name counts twice",
        "distinct": "the total is that of all pieces seen, not of the different ones",
        "members": "the total counts the pieces of a class, not its names",
    }.items():
        if torch.allclose(got, _scores(pieces, counts, members, alpha, slip), atol=1e-5):
            raise Wrong(where + reason)
    if torch.allclose(got - got.mean(), right - right.mean(), atol=1e-5):
        raise Wrong(f"{where}the differences are right; leave the scores as the equation has them")
    raise Wrong(
        f"{where}expected {[round(s, 3) for s in right.tolist()]}, got "
        f"{[round(s, 3) for s in got.tolist()]}"
    )


def _scores(pieces, counts, members, alpha, slip=None):
    """The right scores, or those with a slip, to recognise what a wrong answer did."""
    found = []
    for counted, size in zip(counts, members, strict=True):
        kinds = {
            "kinds": len(counted), "sum": sum(map(len, counts)), "own": len(set(pieces)),
        }.get(slip, len(set().union(*counts)))  # fmt: skip
        total = {"distinct": len(counted), "members": size}.get(slip, counted.total())
        if slip != "total":
            total += alpha * kinds
        added = 0.0 if slip == "alpha" else alpha
        score = 0.0 if slip == "prior" else math.log(size / sum(members))
        for piece in sorted(set(pieces)) if slip == "once" else pieces:
            p = (counted[piece] + added) / total
            score += math.log(p) if p else -math.inf
        found.append(math.exp(score) if slip == "exp" else score)
    return torch.tensor(found)


SAME_NAMES = "that takes them for answers about different names; these are the same names"


@exercise("12.3", "Chance or not", "chance-or-not")
def exercise_12_3(error_of_100, names_needed, difference, standard_errors):
    answers = {
        "error_of_100": (
            error_of_100,
            0.04,
            {0.0016: "that is its square", 0.4: "divide by the number of names, under the root",
             0.16: "that is p(1 - p)", 0.08: "that is two of them"},
        ),
        "names_needed": (
            names_needed,
            1600,
            {400: "half the error for four times the names: and a quarter?",
             200: "the error falls with the root of the number",
             6400: "that would be an error of 0.005", 100: "that many give 0.04"},
        ),
        "difference": (
            difference,
            0.04,
            {16: "that is a number of names: what share of 400?", 0.075: "that is b / N",
             0.11: "b and c do not add up here: each is right where the other is wrong",
             -0.04: "the first is the better one"},
        ),
        "standard_errors": (
            standard_errors,
            16 / math.sqrt(44),
            {16 / math.sqrt(400): "its standard error is sqrt(b + c) / N",
             0.04 / 0.02: "that is the error of one accuracy; the difference has another",
             16 / 44: "the root is missing",
             math.sqrt(2): SAME_NAMES, 0.04 / math.sqrt(0.2944 / 400): SAME_NAMES,
             math.sqrt(44) / 400: "that is the error itself",
             0.04 / math.sqrt(44): "both have N below the line: it cancels",
             4.0: "only the names on which they differ count: b and c"},
        ),
    }  # fmt: skip
    nudges = {
        "error_of_100": "the root of p(1 - p) / N",
        "names_needed": "the error falls with the root of the number of names",
        "difference": "b names count for the first, c for the second, of 400",
        "standard_errors": "the difference by its error, sqrt(b + c) / N",
    }
    attempted(*(given for given, _, _ in answers.values()))
    for name, (given, right, slips) in answers.items():
        found = number(name, given)
        if math.isclose(found, right, rel_tol=0.02):
            continue
        for value, reason in slips.items():
            if math.isclose(found, value, rel_tol=0.02):
                raise Wrong(f"{name} = {found:g} is not it: {reason}")
        raise Wrong(f"{name} = {found:g} is not it: {nudges[name]}")


@exercise("12.4", "Beat the counts", "beat-the-counts")
def exercise_12_4(score):
    train, validation, test = surnames.split(surnames.load())
    names, labels = validation.names, validation.labels
    counting = NGramClassifier(3, len(surnames.LANGUAGES)).fit(train.names, train.labels)
    with default_dtype(torch.float32):
        got = scores(score, names)
        if not torch.equal(scores(score, names[:20]).argmax(dim=1), got[:20].argmax(dim=1)):
            raise Wrong("among other names, the first 20 get other answers: does padding count, is "
                        "dropout on, or are the rows in another order?")  # fmt: skip
        by_counts = counting.scores(names).argmax(dim=1)
        counted = (by_counts == labels).double().mean().item()
        right = (got.argmax(dim=1) == labels).double().mean().item()
        tested = scores(score, test.names).argmax(dim=1) == test.labels
    if right >= 0.765 and (elsewhere := tested.double().mean().item()) < right - 0.06:
        raise Wrong(f"accuracy {right:.3f} on the validation names and {elsewhere:.3f} on the test "
                    "names: has it seen the validation names?")  # fmt: skip
    if right < 0.765:
        hint = "who errs on which names?"
        if right < 0.2:
            hint = "that is guessing: are the rows in the order of the names?"
        elif torch.equal(got.argmax(dim=1), by_counts):
            hint = "those are the counts themselves, or scores so large that nothing else is heard"
        raise Wrong(f"accuracy {right:.3f}; the counts have {counted:.3f}, and 0.765 is asked for: "
                    f"{hint}")  # fmt: skip
    return f"accuracy {right:.3f}, where the counts have {counted:.3f}"


@exercise("12.5", "Macro F1", "macro-f1")
def exercise_12_5(macro_f1):
    matrix = torch.tensor([[8, 2], [1, 1]])
    _examine_f1(macro_f1, matrix)
    generator = torch.Generator().manual_seed(0)
    for C in (3, 5, 10):
        _examine_f1(macro_f1, torch.randint(0, 20, (C, C), generator=generator))
    empty = torch.tensor([[5, 0, 1], [0, 0, 0], [2, 0, 3]])
    returned = call(macro_f1, empty)
    if isinstance(returned, float | torch.Tensor) and math.isnan(returned):
        raise Wrong("a class without members that was never answered makes it nan: 0 divided by 0")
    got = number("macro F1", returned)
    if not math.isclose(got, metrics.macro_f1(empty), rel_tol=1e-5):
        raise Wrong(
            f"a class without members that was never answered counts 0, and is one of the C: "
            f"expected {metrics.macro_f1(empty):.4f}, got {got:.4f}"
        )


def _examine_f1(macro_f1, matrix):
    got = number("macro F1", call(macro_f1, matrix))
    right = metrics.macro_f1(matrix)
    if math.isclose(got, right, rel_tol=1e-5):
        return
    hits, rows, columns = matrix.diagonal(), matrix.sum(dim=1), matrix.sum(dim=0)
    recall, precision = (hits / rows).mean().item(), (hits / columns).mean().item()
    slips = {
        (hits.sum() / matrix.sum()).item(): "that is the accuracy",
        recall: "that is the mean recall: what was wrongly taken for a class does not count in it",
        precision: "that is the mean precision: what was missed does not count in it",
        2 * precision * recall / (precision + recall): "the mean comes last, over the classes' F1",
        right / 2: "the 2 above the line is missing",
        right * len(matrix): "that is the sum over the classes; their mean is asked for",
    }
    for value, reason in slips.items():
        if math.isclose(got, value, rel_tol=1e-5):
            raise Wrong(f"for {matrix.tolist()} got {got:.4f}: {reason}")
    raise Wrong(f"for {matrix.tolist()} expected {right:.4f}, got {got:.4f}")


@exercise("12.6", "The order of things", "the-order-of-things")
def exercise_12_6(order):
    ordered(
        order,
        "abdefh",
        {
            "c": "a vocabulary is part of the model, and the test part would have had a say in it",
            "g": "a test part by which something is chosen has become a validation part",
            "i": "a test part that sends one back has chosen, and its accuracy is too high",
        },
        {
            "de": "with both copies there, a name would be learnt under two labels",
            "ab": "there is no training part yet",
            "be": "the network reads indices of the vocabulary",
            "ef": "there is nothing yet to choose from",
            "fh": "what is measured must have been chosen before",
        },
    )
