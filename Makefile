# Two commands do everything: `make chat` and `make test`. Each makes the environment it needs, once.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
INDEX  ?= index
CORPUS ?= corpus
Q      ?= Who did Ayrault say Russia prefers?

.PHONY: help chat ask index test weights lint docs clean

help:            ## list the commands
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

chat: index      ## index the shipped collection and serve the page at http://127.0.0.1:7860
	$(BIN)/citewise chat --index $(INDEX)

ask: index       ## answer in the terminal: make ask Q="Who did Ayrault say Russia prefers?"
	@$(BIN)/citewise ask --index $(INDEX) -- "$(Q)"

index: $(VENV)/.base  ## bring the index in step with the shipped collection
	@$(BIN)/citewise index --index $(INDEX) $(CORPUS)

test: $(VENV)/.dev  ## run all tests, two files at a time
	$(BIN)/python -m pytest -n 2 --dist loadfile

weights: $(VENV)/.llm  ## install a small language model (130 MB), so that the tests which ask a real one run too

lint: $(VENV)/.dev  ## check style, types and docstrings
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: $(VENV)/.dev  ## write the generated parts of the documents anew
	$(BIN)/python -m docs.generate

clean:           ## remove the environment and the index
	rm -rf $(VENV) $(INDEX)

# The locks are plain pins. A stamp is newer than what it was made from, so a second run starts at once.
$(VENV)/.base: requirements.lock pyproject.toml
	@echo "installing into $(VENV); the first time this takes some minutes" >&2
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.base requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.lock
	touch $@

$(VENV)/.llm: $(VENV)/.dev requirements-llm.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-llm.lock
	touch $@
