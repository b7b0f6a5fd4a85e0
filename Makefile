# Earmark. `make help` explains every target. Everything runs in .venv, which `make setup` builds and the other targets build when they need it.
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
export FRONTEND AUDIO COMMAND NAME CARD # to the shell, which takes them as they are: with spaces and quotes
# Given on the command line alone: some systems have a NAME of their own in the environment.
$(foreach name,FRONTEND AUDIO COMMAND NAME CARD OPTION REPLACE UNCHECKED,$(if $(filter environment,$(origin $(name))),$(eval $(name) :=)))

.PHONY: help setup benchmark demo check submit leaderboard report compare list test speed lint format docs lock clean

help: ## explain every target
	@echo "Targets (variables: RECIPE=$(RECIPE) DATA=folder of corpora, OUT=folder for results, JOBS=cells at a time, PYTHON=$(PYTHON)):"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  make %-12s %s\n", $$1, $$2 }'

setup: $(READY) ## build the virtual environment from requirements.lock; nothing is done twice

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "earmark needs Python 3.11 or later; say make PYTHON=python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

benchmark: $(READY) ## run a recipe and write its leaderboards (RECIPE=mini, under 25 minutes on two cores)
	$(EARMARK) run $(RECIPE) --out $(OUT) $(if $(DATA),--data $(DATA)) $(if $(JOBS),--jobs $(JOBS))

demo: ## the same for spoken commands alone, in under 3 minutes
	@$(MAKE) --no-print-directory benchmark RECIPE=demo

check: $(READY) ## does a front-end keep to what the engine relies on? FRONTEND=name or file.py:Class
	@$(EARMARK) check $${FRONTEND:+"$$FRONTEND"}

submit: $(READY) ## put your own on a board: FRONTEND=file.py:Class, AUDIO=folder or COMMAND="prog {in} {out}"; NAME=, CARD=, OPTION="a=1 b=2", REPLACE=1
	@$(EARMARK) submit $${FRONTEND:+"$$FRONTEND"} $${AUDIO:+--audio "$$AUDIO"} $${COMMAND:+--command "$$COMMAND"} $${NAME:+--name "$$NAME"} $${CARD:+--card "$$CARD"} \
		$(foreach option,$(OPTION),--option '$(option)') $(if $(REPLACE),--replace) $(if $(UNCHECKED),--unchecked) --recipe $(RECIPE) --out $(OUT) $(if $(DATA),--data $(DATA)) $(if $(JOBS),--jobs $(JOBS))

leaderboard: $(READY) ## rebuild the CSV files of every leaderboard from its summaries, and print them
	$(EARMARK) leaderboard $(OUT)/leaderboards

compare: $(READY) ## hold two rows of a leaderboard against each other: A=unet:joint B=unet:frozen; CSV=file
	$(if $(and $(A),$(B)),,$(error give both rows, as A=unet:joint B=unet:frozen))
	@$(EARMARK) compare $(A) $(B) $(BOARDS) --out $(OUT) $(if $(CSV),--csv $(CSV))

report: $(READY) ## write leaderboards, with charts and sounds, as a page: site/index.html
	$(EARMARK) report $(OUT)/leaderboards

list: $(READY) ## list front-ends, tasks, corpora, schemes and recipes
	$(EARMARK) list

test: $(READY) ## run the tests (under 5 minutes on two cores)
	$(BIN)/python -m pytest --numprocesses=2 --dist=loadfile --no-loadscope-reorder

speed: $(READY) ## compare the engine with bare loops and other libraries, side by side
	$(BIN)/python -m pytest tests/speed --capture=no --benchmark-enable --benchmark-columns=rounds

lint: $(READY) ## ruff, mypy and the rules on imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## let ruff format everything
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY) ## build the documentation site: build/docs/index.html
	$(BIN)/python -m sphinx --builder html --fail-on-warning --keep-going --quiet docs build/docs

lock: ## resolve pyproject.toml anew into requirements.lock (needs uv)
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--no-header --no-annotate --quiet --output-file requirements.lock

clean: ## remove the virtual environment and caches; results stay
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache *.egg-info
