"""d2l 0.17.0 on current releases: every function of its RNN chapter is called for real."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import IPython.display
import matplotlib.pyplot as plt
import pytest
import torch
from torch import nn

from rnnbook import d2l_compat
from rnnbook.d2l_compat import load_d2l
from rnnbook.datasets.time_machine import TextUnavailable, locate_time_machine, time_machine_path

ROOT = Path(d2l_compat.__file__).resolve().parents[1]
needs_text = pytest.mark.skipif(
    locate_time_machine().content is None,
    reason="timemachine.txt is needed: set RNNBOOK_DATA_DIR to its folder",
)
CPU = torch.device("cpu")
HIDDEN = 32


@pytest.fixture(scope="module")
def d2l():
    return load_d2l()


@pytest.fixture(autouse=True)
def no_figure_left_open():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def data_and_vocab(d2l):
    return d2l.load_data_time_machine(32, 35, max_tokens=5000)


def rnn_params(vocab_size: int, hidden: int, device: torch.device) -> list[torch.Tensor]:
    def normal(*shape: int) -> torch.Tensor:
        return (torch.randn(*shape, device=device) * 0.01).requires_grad_()

    def zeros(size: int) -> torch.Tensor:
        return torch.zeros(size, device=device, requires_grad=True)

    return [
        normal(vocab_size, hidden),
        normal(hidden, hidden),
        zeros(hidden),
        normal(hidden, vocab_size),
        zeros(vocab_size),
    ]


def rnn_state(batch_size: int, hidden: int, device: torch.device) -> tuple[torch.Tensor]:
    return (torch.zeros((batch_size, hidden), device=device),)


def rnn(inputs, state, params):
    w_xh, w_hh, b_h, w_hq, b_q = params
    (h,) = state
    outputs = []
    for x in inputs:
        h = torch.tanh(x @ w_xh + h @ w_hh + b_h)
        outputs.append(h @ w_hq + b_q)
    return torch.cat(outputs), (h,)


def run(program: str, *command: str, **environment: str) -> subprocess.CompletedProcess:
    path = os.pathsep.join(filter(None, [environment.pop("PYTHONPATH", ""), str(ROOT)]))
    return subprocess.run(
        [sys.executable, *command, "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"MPLBACKEND": "Agg", "PYTHONPATH": path} | environment,
    )


@needs_text
def test_load_data_time_machine(d2l, data_and_vocab):
    batches, vocab = data_and_vocab
    assert len(vocab) == 28 and vocab.idx_to_token[:4] == ["<unk>", " ", "e", "t"]
    x, y = next(iter(batches))
    assert x.shape == y.shape == (32, 35)
    assert torch.equal(x[:, 1:], y[:, :-1])
    assert "".join(vocab.to_tokens(batches.corpus[:33])) == "the time machine by h g wellsithe"


@needs_text
@pytest.mark.parametrize("use_random_iter", [False, True])
def test_rnn_model_scratch_trains(d2l, data_and_vocab, capsys, use_random_iter):
    _, vocab = data_and_vocab
    batches, _ = d2l.load_data_time_machine(32, 35, use_random_iter, 5000)
    torch.manual_seed(1)
    net = d2l.RNNModelScratch(len(vocab), HIDDEN, CPU, rnn_params, rnn_state, rnn)
    d2l.train_ch8(net, batches, vocab, 1, 11, CPU, use_random_iter)
    assert trained_perplexity(capsys) < 20


@needs_text
@pytest.mark.parametrize("layer", [nn.RNN, nn.GRU, nn.LSTM])
def test_rnn_model_trains(d2l, data_and_vocab, capsys, layer):
    batches, vocab = data_and_vocab
    torch.manual_seed(1)
    net = d2l.RNNModel(layer(len(vocab), HIDDEN), len(vocab))
    d2l.train_ch8(net, batches, vocab, 1, 11, CPU)
    assert trained_perplexity(capsys) < 20


def trained_perplexity(capsys) -> float:
    captured = capsys.readouterr()
    assert captured.err == ""
    (line,) = [line for line in captured.out.splitlines() if "perplexity" in line]
    assert "time traveller" in captured.out
    return float(line.split("perplexity ")[1].split(",")[0])


@needs_text
def test_predict_ch8(d2l, data_and_vocab):
    _, vocab = data_and_vocab
    net = d2l.RNNModelScratch(len(vocab), HIDDEN, CPU, rnn_params, rnn_state, rnn)
    text = d2l.predict_ch8("time traveller ", 10, net, vocab, CPU)
    assert text.startswith("time traveller ") and len(text) >= 25


def test_animator(d2l, capsys):
    animator = d2l.Animator(xlabel="epoch", legend=["train", "held out"], xlim=[1, 3])
    for epoch, values in [(1, (3.0, 4.0)), (2, (2.0, 3.5)), (3, (1.0, None))]:
        animator.add(epoch, values)
    train, held_out = animator.axes[0].lines
    assert list(train.get_ydata()) == [3.0, 2.0, 1.0]
    assert list(held_out.get_xdata()) == [1, 2]
    assert capsys.readouterr().err == ""


def test_plot(d2l):
    x = torch.arange(0, 3, 0.1)
    d2l.plot(x, [x**2, 2 * x], "x", "f(x)", legend=["square", "line"])
    axes = plt.gca()
    assert len(axes.lines) == 2 and axes.get_xlabel() == "x"
    assert list(plt.gcf().get_size_inches()) == [3.5, 2.5]


def test_accumulator_still_counts_without_the_graph(d2l, recwarn):
    metric = d2l.Accumulator(3)
    metric.add(torch.tensor(1.5, requires_grad=True), 2, True)
    metric.add(torch.tensor(1.0), 3, False)
    assert metric.data == [2.5, 5.0, 1.0] and not recwarn.list


def test_second_call_changes_nothing(d2l):
    before = dict(vars(d2l)), d2l.Accumulator.add
    assert load_d2l() is d2l
    assert (dict(vars(d2l)), d2l.Accumulator.add) == before


def test_the_usual_import_gives_the_same_module(d2l):
    from d2l import torch as usual

    assert usual is d2l


def test_stand_ins_stay_out_of_sight(d2l):
    if type(d2l.torchvision).__name__ == "_NoTorchvision":
        assert not any(name.split(".")[0] == "torchvision" for name in sys.modules)
    assert not hasattr(IPython.display, "set_matplotlib_formats")
    assert d2l.display.display is IPython.display.display


@pytest.mark.skipif(
    type(load_d2l().torchvision).__name__ != "_NoTorchvision", reason="torchvision is installed"
)
def test_the_missing_torchvision_says_so_when_used(d2l):
    with pytest.raises(ImportError, match=r"torchvision\.transforms\.ToTensor is needed here"):
        d2l.load_data_fashion_mnist(8)
    with pytest.raises(ImportError, match="pip install torchvision"):
        d2l.torchvision.datasets.FashionMNIST()
    assert not hasattr(d2l.torchvision, "__file__")


class TestDownloads:
    def test_time_machine_is_the_verified_text(self, d2l, tmp_path, monkeypatch):
        monkeypatch.setenv("RNNBOOK_DATA_DIR", str(tmp_path))
        (tmp_path / "timemachine.txt").write_text("another story")
        with pytest.raises(TextUnavailable, match="bytes instead of 178,979"):
            d2l.load_data_time_machine(2, 5)

    @needs_text
    def test_time_machine_needs_no_download(self, d2l, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        assert Path(d2l.download("time_machine")) == time_machine_path()
        assert capsys.readouterr().out == "" and not (tmp_path.parent / "data").exists()

    def test_other_files_go_to_our_cache(self, d2l, tmp_path, monkeypatch):
        monkeypatch.setattr(d2l_compat, "our_cache", lambda: tmp_path)
        (tmp_path / "fra-eng.zip").write_bytes(b"already here")
        url = d2l.DATA_HUB["fra-eng"][0]
        monkeypatch.setitem(d2l.DATA_HUB, "fra-eng", (url, sha1_of(b"already here")))
        assert d2l.download("fra-eng") == str(tmp_path / "fra-eng.zip")

    def test_a_folder_given_by_the_reader_is_used(self, d2l, tmp_path, monkeypatch):
        (tmp_path / "timemachine.txt").write_bytes(b"mine")
        url = d2l.DATA_HUB["time_machine"][0]
        monkeypatch.setitem(d2l.DATA_HUB, "time_machine", (url, sha1_of(b"mine")))
        found = d2l.download("time_machine", cache_dir=str(tmp_path))
        assert found == str(tmp_path / "timemachine.txt")


def sha1_of(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


@needs_text
def test_no_warning_reaches_the_reader():
    program = """
import torch
from torch import nn
from rnnbook.d2l_compat import load_d2l
d2l = load_d2l()
batches, vocab = d2l.load_data_time_machine(32, 35, max_tokens=5000)
net = d2l.RNNModel(nn.RNN(len(vocab), 16), len(vocab))
d2l.train_ch8(net, batches, vocab, 1, 20, torch.device("cpu"))
d2l.plot(torch.arange(3.0), torch.arange(3.0))
"""
    done = run(program, "-W", "always")
    assert (done.returncode, done.stderr) == (0, "")
    assert "perplexity" in done.stdout


def test_figures_become_svg_in_ipython(tmp_path):
    program = """
import IPython.display, matplotlib.figure
from rnnbook.d2l_compat import load_d2l
formatter = get_ipython().display_formatter.formatters["image/svg+xml"]
formatter.for_type(matplotlib.figure.Figure, None)
load_d2l().use_svg_display()
assert formatter.lookup_by_type(matplotlib.figure.Figure) is not None
print("as", "expected")
"""
    done = run(program, "-m", "IPython", "--no-banner", IPYTHONDIR=str(tmp_path))
    assert "as expected" in done.stdout and done.stderr == "", done


def test_no_shell_is_started_outside_ipython():
    program = """
from IPython.core.interactiveshell import InteractiveShell
from rnnbook.d2l_compat import load_d2l
load_d2l().use_svg_display()
assert not InteractiveShell.initialized()
"""
    done = run(program)
    assert (done.returncode, done.stderr) == (0, "")


class TestTorchvision:
    @pytest.fixture
    def package(self, tmp_path) -> Path:
        (tmp_path / "torchvision").mkdir()
        return tmp_path / "torchvision"

    def test_one_that_imports_is_left_alone(self, package):
        (package / "__init__.py").write_text("genuine = True\n")
        (package / "transforms.py").write_text("ToTensor = 'genuine'\n")
        program = """
import sys
from rnnbook.d2l_compat import load_d2l
d2l = load_d2l()
assert sys.modules["torchvision"] is d2l.torchvision and d2l.torchvision.genuine
assert d2l.transforms is sys.modules["torchvision.transforms"]
assert d2l.transforms.ToTensor == "genuine"
"""
        done = run(program, PYTHONPATH=str(package.parent))
        assert (done.returncode, done.stderr) == (0, "")

    def test_one_that_is_broken_is_replaced(self, package):
        (package / "__init__.py").write_text(
            "raise RuntimeError('operator torchvision::nms does not exist')\n"
        )
        program = """
import sys
from rnnbook.d2l_compat import load_d2l
print(load_d2l().torchvision, "torchvision" in sys.modules)
"""
        done = run(program, PYTHONPATH=str(package.parent))
        assert "False" in done.stdout and done.stderr == ""


class TestWrongD2l:
    def test_other_release(self, tmp_path):
        metadata = tmp_path / "d2l-1.0.3.dist-info" / "METADATA"
        metadata.parent.mkdir()
        metadata.write_text("Metadata-Version: 2.1\nName: d2l\nVersion: 1.0.3\n")
        done = run("from rnnbook.d2l_compat import load_d2l; load_d2l()", PYTHONPATH=str(tmp_path))
        assert "ImportError: the installed d2l is release 1.0.3" in done.stderr
        assert "pip install 'd2l==0.17.0'" in done.stderr

    def test_not_installed(self):
        program = """
import importlib.metadata
def version(name):
    raise importlib.metadata.PackageNotFoundError(name)
importlib.metadata.version = version
from rnnbook.d2l_compat import load_d2l
load_d2l()
"""
        done = run(program)
        assert "ImportError: d2l is not installed: pip install 'd2l==0.17.0'" in done.stderr
