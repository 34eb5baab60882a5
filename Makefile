# Everything a reader or an author does, in one word. `make` alone lists the targets.
# The environment lives in .venv; it is installed once, and again only when its files change.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.installed

# The Time Machine may lie in a folder beside this one; then nothing is downloaded.
ifeq ($(RNNBOOK_DATA_DIR),)
ifneq ($(wildcard ../shared/data/.),)
export RNNBOOK_DATA_DIR := $(abspath ../shared/data)
endif
endif

.DEFAULT_GOAL := help
.PHONY: help lab test site pdf notebooks clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

lab: $(READY) ## open your own copy of the chapters in JupyterLab
	$(BIN)/rnnbook lab

test: $(READY) ## run every test, and every chapter against its stored outputs
	$(BIN)/python -m pytest -n 2

site: $(READY) ## build the web pages, strictly, and print where they are
	$(BIN)/python tools/build_site.py

pdf: $(READY) ## print the whole book into _build/rnn-book.pdf (needs Chromium)
	$(BIN)/python tools/build_pdf.py

notebooks: $(READY) ## run all chapters again and store their outputs
	$(BIN)/python tools/notebooks.py run

clean: ## remove the built site and the caches; .venv and your work stay
	rm -rf _build .pytest_cache .ruff_cache

$(READY): pyproject.toml requirements.txt tools/install.py
	$(PYTHON) tools/install.py
	@touch $@
