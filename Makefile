# The commands of this house. `make` alone lists them.
# Nothing is needed beforehand but make and a Python of at least 3.11; paths stay relative, so the checkout may lie anywhere.

.DEFAULT_GOAL := help
.SUFFIXES:
.DELETE_ON_ERROR:

BIN := .venv/bin
STAMP := .venv/.installed
REQUIREMENTS := requirements/uv.txt requirements/dev.txt
K ?=

# The first Python that runs, is new enough and can make an environment (a shim may exist and still not run).
define FIND_PYTHON
for name in $(PYTHON) python3.13 python3.12 python3.11 python3; do \
  if "$$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then found=$$name; break; fi; \
done; \
if [ -z "$$found" ]; then \
  echo "make: no Python of at least 3.11 with venv and ensurepip was found (on Debian: apt-get install python3 python3-venv)." >&2; \
  echo "make: to name one yourself: make setup PYTHON=/path/to/python3" >&2; exit 1; \
fi
endef

.PHONY: help
help: ## list the commands
	@awk 'BEGIN { FS = ":.*## " } /^# == / { printf "\n%s\n", substr($$0, 6) } /^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

# == Run
.PHONY: setup demo up
setup: $(STAMP) ## install everything into .venv (again only when requirements changed)

demo: $(STAMP) ## a whole country on this machine, one inquiry followed from end to end
	@$(BIN)/nakadachi demo

up: $(STAMP) ## a whole country on this machine, kept running; prints addresses
	@$(BIN)/nakadachi up

# == Develop
.PHONY: test test-all coverage story kill machine check fmt
test: $(STAMP) ## the quick tests; K=word picks some
	@$(BIN)/python -m pytest -q -m "not slow" $(if $(K),-k "$(K)")

test-all: $(STAMP) ## every test
	@$(BIN)/python -m pytest -q $(if $(K),-k "$(K)")

# What decides, parses or proves is tested in every branch.
WHOLE := src/nakadachi/law/*,src/nakadachi/telegrams/*,src/nakadachi/core/rules.py,src/nakadachi/core/codes.py,src/nakadachi/intermediate/rules.py,src/nakadachi/intermediate/options.py,src/nakadachi/kit/retry.py,src/nakadachi/ledger/tree.py,src/nakadachi/ledger/permits.py,src/nakadachi/ledger/checkpoint.py,src/nakadachi/crypto/*

coverage: $(STAMP) ## every branch of law, wire, decisions, tree and crypto is tested
	@$(BIN)/python -m pytest -q -m "not slow" tests/unit tests/wire --cov=nakadachi --cov-branch --cov-report= $(if $(K),-k "$(K)")
	@$(BIN)/coverage report --include="$(WHOLE)" --skip-covered --show-missing --fail-under=100

story: $(STAMP) ## the stories alone: the life of an inquiry, of a code, of a record
	@$(BIN)/python -m pytest tests/story -v $(if $(K),-k "$(K)")

kill: $(STAMP) ## SIGKILL for every system and its PostgreSQL before and after every hop (SEED=; ALONE=1: one by one)
	@NAKADACHI_KILL=$(if $(ALONE),alone,whole) $(if $(SEED),NAKADACHI_KILL_SEED=$(SEED)) $(BIN)/python -m pytest -q tests/e2e/test_killing.py $(if $(K),-k "$(K)")

# A whole country under a seed: make machine STEPS=2000 plays long, SEED=… plays the same way again.
STEPS ?= 600
machine: $(STAMP) ## any order of events under a seed (STEPS=600 SEED=): every promise checked after each step
	@$(BIN)/python -m tests.machine --steps $(STEPS) $(if $(SEED),--seed $(SEED))

check: $(STAMP) ## format, lint, types, who imports whom, sizes; drawn pages and vectors fresh
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python tools/check_sizes.py
	@$(BIN)/python -m tools.make_examples --check
	@$(BIN)/python -m tools.docs --check
	@$(BIN)/python -m pytest -q tests/wire/test_vectors.py tests/wire/test_crypto_vectors.py

fmt: $(STAMP) ## format and sort
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

# == Try to break
.PHONY: fuzz
MINUTES ?= 5
fuzz: $(STAMP) ## hostile bytes for every parser, MINUTES=5 in all; ONLY=name for one
	@$(BIN)/python -m fuzz --minutes $(MINUTES) $(if $(ONLY),--only $(ONLY))

# == Measure
.PHONY: bench
bench: $(STAMP) ## cost per exchange, restore (BENCH=issuance: a population, PEOPLE=400000; rotation: a key replaced under load; matching: the register's search; schemes, conversion: link codes; lanes: a clerk beside a bulk file, 17 min), as ratios within one run
	@$(BIN)/python -m bench $(BENCH) $(if $(PEOPLE),--people $(PEOPLE))

# == Keep
.PHONY: lock clean
LOCK := --quiet --universal --generate-hashes --python-version 3.11 --no-header --no-annotate --no-emit-index-url --no-emit-find-links
lock: $(STAMP) ## draw requirements/*.txt anew (add UPGRADE=--upgrade for newer versions)
	@for name in uv runtime dev; do \
	  $(BIN)/uv pip compile $(LOCK) $(UPGRADE) requirements/$$name.in --output-file requirements/$$name.txt >/dev/null || exit 1; \
	done
	@if grep -n '://' requirements/*.txt; then echo "make: a requirements file names a host" >&2; exit 1; fi

clean: ## remove what can be made again (not .state, where demo data lives)
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage .fuzz dist
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

# uv is faster, pip knows the machine's own settings (an index of its own, a certificate): where uv cannot, pip tries.
INSTALL = $(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python $(1) || \
  { echo "make: uv could not install; trying pip" >&2; $(BIN)/python -m pip install -qq --disable-pip-version-check $(1); }

# An environment of its own; uv goes into it with the pip that Python brings, everything else with uv, all by hash.
$(STAMP): pyproject.toml $(REQUIREMENTS)
	@found=; $(FIND_PYTHON); \
	if [ ! -x $(BIN)/python ] || ! $(BIN)/python -c 'import pip' >/dev/null 2>&1; then \
	  echo "making .venv with $$found"; rm -rf .venv; "$$found" -m venv .venv || exit 1; \
	fi
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@$(call INSTALL,--require-hashes -r requirements/dev.txt)
	@$(call INSTALL,--no-deps --no-build-isolation --editable .)
	@touch $@
	@echo "ready: .venv (try: make demo)"
