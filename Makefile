# `make help` explains every target. All of them run in .venv, which is built when it is first needed.
PYTHON ?= python3
RECIPE ?= mini
DATA ?=
OUT ?= .
JOBS ?=
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
EARMARK := $(BIN)/earmark
BOARDS = $(OUT)/leaderboards/$(basename $(notdir $(RECIPE)))

.DEFAULT_GOAL := help
export FRONTEND AUDIO COMMAND NAME CARD # for the shell, which takes them as they are, with spaces and quotes
# These count only on the command line of make: some systems have a NAME in the environment.
$(foreach name,FRONTEND AUDIO COMMAND NAME CARD OPTION REPLACE UNCHECKED,$(if $(filter environment,$(origin $(name))),$(eval $(name) :=)))

.PHONY: help setup benchmark demo check submit leaderboard report compare list test speed faults lint format docs lock clean

help: ## explain every target
	@echo "Variables: RECIPE=$(RECIPE), DATA=folder of corpora, OUT=folder of results,"
	@echo "           JOBS=cells at a time, PYTHON=$(PYTHON)"
	@echo "Targets:"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  make %-12s %s\n", $$1, $$2 }'

setup: $(READY) ## build the virtual environment from requirements.lock, if need be

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "earmark needs Python 3.11 or later; say make PYTHON=python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

benchmark: $(READY) ## run a recipe and write its leaderboards (mini: under 25 minutes, two cores)
	$(EARMARK) run $(RECIPE) --out $(OUT) $(if $(DATA),--data $(DATA)) $(if $(JOBS),--jobs $(JOBS))

demo: ## the same for spoken commands alone (under 3 minutes)
	@$(MAKE) --no-print-directory benchmark RECIPE=demo

check: $(READY) ## check a front-end by the rules that the engine relies on: FRONTEND=file.py:Class
	@$(EARMARK) check $${FRONTEND:+"$$FRONTEND"}

# Further variables: NAME=, CARD=file, OPTION="a=1 b=2", REPLACE=1, UNCHECKED=1.
submit: $(READY) ## put your own on a leaderboard: FRONTEND=file.py:Class, AUDIO=folder or COMMAND="prog {in} {out}"
	@$(EARMARK) submit $${FRONTEND:+"$$FRONTEND"} $${AUDIO:+--audio "$$AUDIO"} $${COMMAND:+--command "$$COMMAND"} $${NAME:+--name "$$NAME"} $${CARD:+--card "$$CARD"} \
		$(foreach option,$(OPTION),--option '$(option)') $(if $(REPLACE),--replace) $(if $(UNCHECKED),--unchecked) --recipe $(RECIPE) --out $(OUT) $(if $(DATA),--data $(DATA)) $(if $(JOBS),--jobs $(JOBS))

leaderboard: $(READY) ## rebuild the CSV files of all leaderboards from their summaries
	$(EARMARK) leaderboard $(OUT)/leaderboards

compare: $(READY) ## compare two rows of a leaderboard: A=unet:joint B=unet:frozen
	$(if $(and $(A),$(B)),,$(error give two rows, as A=unet:joint B=unet:frozen))
	@$(EARMARK) compare $(A) $(B) $(BOARDS) --out $(OUT) $(if $(CSV),--csv $(CSV))

report: $(READY) ## write leaderboards, with charts and sounds, as web pages: site/index.html
	$(EARMARK) report $(OUT)/leaderboards

list: $(READY) ## list front-ends, tasks, corpora, other components, and recipes
	$(EARMARK) list

test: $(READY) ## run the tests (about 7 minutes on two cores)
	$(BIN)/python -m pytest --numprocesses=2 --dist=loadfile --no-loadscope-reorder

faults: $(READY) ## try hostile input and kill -9 at random moments, thousands of times (about an hour; TRIALS=, KILLS=)
	EARMARK_TRIALS=$(or $(TRIALS),40) $(BIN)/python -m pytest tests/faults
	$(BIN)/python tests/faults/kill_at_random.py $(or $(KILLS),100)

speed: $(READY) ## time the engine against bare loops and other libraries
	$(BIN)/python -m pytest tests/speed --capture=no --benchmark-enable --benchmark-columns=rounds

lint: $(READY) ## run ruff, mypy and the import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## let ruff fix and format everything
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY) ## build the documentation site: build/docs/index.html
	$(BIN)/python -m sphinx --builder html --fail-on-warning --keep-going --quiet docs build/docs

lock: ## resolve pyproject.toml into a new requirements.lock (needs uv)
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--no-header --no-annotate --quiet --output-file requirements.lock

clean: ## remove the virtual environment and caches, but no results
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache *.egg-info
