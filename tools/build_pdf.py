"""Build the whole book as one PDF, printed by Chromium.

    python tools/build_pdf.py                        writes _build/rnn-book.pdf
    python tools/build_pdf.py --chromium /opt/chrome another browser
    make pdf                                         installs what it needs first

The book is built once more as a single page (Sphinx's singlehtml), and rearranged for paper: hints
and solutions stand at the end, with links to and fro; live figures are their pictures; the folded
code of plots and proofs, which is for those who run the book, is left out.
"""

import argparse
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from bs4 import BeautifulSoup, Tag
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "_build" / "rnn-book.pdf"
STYLES = ("pygments.css", "book.css")
TITLE = "The Interactive RNN Book"
ABOUT = (
    "<p>Hints and solutions stand at the end. Live figures are pictures here, and the code of "
    "plots and proofs is left out: both are in the notebooks and on the web pages.</p>"
)
FOOTER = (
    '<div style="width: 100%; font: 8px sans-serif; color: #555; text-align: center">'
    '<span class="pageNumber"></span></div>'
)
PAPER = (ROOT / "tools" / "paper.css").read_text("utf-8")


def single_page(folder: Path) -> Path:
    """Build the book as one page in a folder, and return it.

    Raises:
        subprocess.CalledProcessError: if Sphinx fails.
    """
    jupyter_book = Path(sysconfig.get_path("scripts")) / "jupyter-book"
    command = [str(jupyter_book), "build", str(ROOT), "--builder", "singlehtml", "-q"]
    command += ["--config", str(ROOT / "_config.yml"), "--toc", str(ROOT / "book" / "_toc.yml")]
    subprocess.run([*command, "--path-output", str(folder)], cwd=ROOT, check=True)
    return folder / "_build" / "singlehtml" / "book" / "intro.html"


def inner_links(page: BeautifulSoup) -> None:
    """Let every link to a page of the book lead to its place here; drop what leads nowhere."""
    places = {element["id"] for element in page.find_all(id=True)}
    for link in page.find_all("a", href=True):
        address, _, anchor = link["href"].partition("#")
        if re.match(r"https?:", address):
            continue
        name = Path(address).stem
        wanted = [anchor] if anchor else [f"document-chapters/{name}", f"document-book/{name}"]
        found = next((place for place in wanted if place in places), None)
        if found:
            link["href"] = f"#{found}"
        else:
            link.unwrap()


def unfolded(page: BeautifulSoup, details: Tag) -> Tag:
    """Return what a fold holds, under its title in bold."""
    box = page.new_tag("div", attrs={"class": "folded"})
    title = details.find("summary")
    strong = page.new_tag("strong")
    strong.string = " ".join(title.get_text().split())
    title.extract()
    box.append(strong)
    for child in list(details.children):
        box.append(child.extract())
    return box


def solutions(page: BeautifulSoup) -> Tag:
    """Take hints and solutions out of the exercises, and return them as a last part of the book."""
    part = page.new_tag("section", id="hints-and-solutions")
    heading = page.new_tag("h1")
    heading.string = "Hints and solutions"
    part.append(heading)
    for exercise in page.select('section[id^="exercise-"]'):
        title = exercise.find(["h2", "h3", "h4"])
        number = re.search(r"\d+\.\d+", title.get_text())[0].replace(".", "-")
        answer = page.new_tag("section", id=f"answer-{number}")
        link = page.new_tag("a", href=f"#ex-{number}")
        link.string = re.sub(r"\s*\[.*", "", title.get_text().replace("#", "").strip())
        name = page.new_tag("h3")
        name.append(link)
        answer.append(name)
        for fold in exercise.select("details"):
            if fold.find_parent("details") is None:
                answer.append(unfolded(page, fold.extract()))
        for solution in exercise.select('section[id^="solution-"]'):
            solution.extract()
        part.append(answer)
        there = BeautifulSoup(
            f'<p><a href="#answer-{number}">Hints and solution</a></p>', "html.parser"
        )
        exercise.append(there)
    return part


def for_paper(source: Path) -> str:
    """Return the single page, rearranged for paper."""
    page = BeautifulSoup(source.read_text("utf-8"), "html.parser")
    article = page.find("article")
    last = solutions(page)
    for fold in article.select("div.cell details.hide"):  # the code of plots and proofs
        fold.decompose()
    for fold in article.select("details"):
        fold.replace_with(unfolded(page, fold))
    for image in page.select(".live-mount img"):
        image.find_parent(class_="live-mount").replace_with(image)
    article.append(last)
    for image in page.find_all("img"):
        image.attrs.pop("loading", None)
        path = re.sub(r"^(\.\./)*", "", image["src"])  # Sphinx means the root, wherever a page lies
        image["src"] = (source.parents[1] / path).as_uri()
    documents = list(article.select('[id^="document-chapters/"], [id^="document-book/"]'))
    contents = "".join(
        f'<li><a href="#{document["id"]}">{heading.get_text().replace("#", "").strip()}</a></li>'
        for document in documents
        if (heading := document.find_next(["h1", "h2"]))
    )
    inner_links(page)
    raise_headings(article)
    root = source.parents[1]
    styles = "".join(
        f'<link rel="stylesheet" href="{(root / "_static" / name).as_uri()}">' for name in STYLES
    )
    return (
        f'<!DOCTYPE html><html lang="en" data-theme="light"><head><meta charset="utf-8">'
        f"<title>{TITLE}</title>{styles}<style>{PAPER}</style></head>"
        f'<body class="bd-content"><div class="title-page"><h1>{TITLE}</h1>{ABOUT}</div>'
        f'<h1>Contents</h1><ul class="contents">{contents}'
        f'<li><a href="#hints-and-solutions">Hints and solutions</a></li></ul>'
        f'<article class="bd-article">{article.decode_contents()}</article></body></html>'
    )


def raise_headings(article: Tag) -> None:
    """Let each chapter begin with an h1, whatever the level at which it stands in the tree."""
    for document in article.select('[id^="document-"]'):
        section = document if document.name == "section" else document.find_next("section")
        own = section.find(["h1", "h2", "h3"])
        drop = int(own.name[1]) - 1 if own else 0
        for heading in section.find_all(re.compile("^h[1-6]$")) if drop else ():
            if heading.find_parent(class_="exercise-list") is None:  # its levels are its own
                heading.name = f"h{max(1, int(heading.name[1]) - drop)}"


def print_page(page: str, folder: Path, target: Path, browser: str) -> None:
    """Print a page to a PDF with an outline and page numbers."""
    file = folder / "_build" / "singlehtml" / "book" / "paper.html"
    file.write_text(page, "utf-8")
    target.parent.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        tab = running.new_page()
        tab.goto(file.as_uri(), wait_until="networkidle", timeout=120_000)
        tab.pdf(
            path=str(target), format="A4", outline=True, tagged=True, print_background=True,
            display_header_footer=True, header_template="<span></span>", footer_template=FOOTER,
            margin={"top": "18mm", "bottom": "18mm", "left": "20mm", "right": "20mm"},
        )  # fmt: skip
        running.close()


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=TARGET)
    parser.add_argument("--chromium", default=shutil.which("chromium") or "chromium")
    arguments = parser.parse_args()
    if shutil.which(arguments.chromium) is None:
        print(f"There is no browser at {arguments.chromium}: --chromium PATH", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        try:
            page = for_paper(single_page(folder))
        except subprocess.CalledProcessError as error:
            print(f"\nThe book was not built: {error}", file=sys.stderr)
            return 1
        print_page(page, folder, arguments.output.resolve(), arguments.chromium)
    print(f"The PDF is ready: {arguments.output.resolve()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
