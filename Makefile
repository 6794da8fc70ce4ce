# The commands of this project. 'make demo' and 'make test' are all that a newcomer needs.
PYTHON ?= python3
BIN := .venv/bin
UV = $(shell command -v uv 2>/dev/null || echo $(CURDIR)/$(BIN)/uv)

# uv looks at the certificates of the machine, as pip does, so that it works behind a company's own.
export UV_SYSTEM_CERTS := true
export UV_NATIVE_TLS := true

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup spark demo demo-federation test ci check words unit format bench drill pictures pins audit oracle clean

help:  ## what each command does
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

.venv/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit("Tanpuhui needs Python 3.11 or later; set PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	@command -v uv >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv

.venv/base.done: .venv/pyvenv.cfg requirements/base.txt pyproject.toml
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/base.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	$(BIN)/python -m tanpuhui.project.words compile
	@touch $@

.venv/dev.done: .venv/base.done requirements/dev.txt
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@touch $@

.venv/dp.done: .venv/base.done requirements/dp.txt
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dp.txt
	@touch $@

.venv/spark.done: .venv/base.done requirements/spark.txt
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/spark.txt
	@touch $@

setup: .venv/dev.done  ## .venv with everything; .venv/bin/tanpuhui then works alone

spark: .venv/spark.done  ## PySpark and Sail as well, for closes on a cluster (needs Java 17)

demo: .venv/dp.done  ## a small city for a week, from an empty machine
	$(BIN)/tanpuhui demo

demo-federation: .venv/base.done  ## a district and its city on this machine, that end in agreement
	$(BIN)/tanpuhui federation demo

.venv/oracle.done: .venv/pyvenv.cfg requirements/oracle.txt pyproject.toml
	$(PYTHON) -m venv .venv/oracle
	$(UV) pip install --quiet --python .venv/oracle/bin/python --require-hashes -r requirements/oracle.txt
	$(UV) pip install --quiet --python .venv/oracle/bin/python --no-deps --no-build-isolation -e .
	@touch $@

oracle: .venv/oracle.done  ## opendsm beside our baselines, in a folder of its own (1.3 GB; some minutes)
	.venv/oracle/bin/python -m pytest -q -n 0 -rs -s tests/baseline/test_oracle.py

TESTS = $(BIN)/pytest -q -n 3 --dist loadfile --no-loadscope-reorder

test: check  ## everything that CI checks; where Spark or Java is missing, closes on a cluster are skipped with that reason
	$(TESTS)

ci: check .venv/spark.done  ## the same with closes on Spark and Sail (needs Java 17), and stories on every screen
	TANPUHUI_EVERY_SCREEN=1 $(TESTS)

check: .venv/dev.done  ## style, types and the order of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	TANPUHUI_HOME=$(CURDIR)/.mypy_cache/home TANPUHUI_DATABASE_URL=postgresql:///none $(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/tanpuhui methodology check

words: .venv/base.done  ## gather what people may see, list what is not translated, compile
	$(BIN)/python -m tanpuhui.project.words

unit: .venv/dev.done  ## the fast tests only
	$(BIN)/pytest -q -n 2 --dist loadfile -m 'not slow'

format: .venv/dev.done  ## put the code in its usual form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/dev.done  ## the figures of docs/reference/benchmarks.md, on this machine
	$(BIN)/python bench/quantify.py
	$(BIN)/python bench/linear.py
	$(BIN)/python bench/day.py
	$(BIN)/python bench/earlier_ids.py
	$(BIN)/python bench/post.py
	$(BIN)/python bench/ledger.py
	$(BIN)/python bench/year.py
	$(BIN)/python bench/explain.py
	$(BIN)/python bench/ingest.py
	$(BIN)/python bench/baseline.py
	$(BIN)/python bench/people.py
	$(BIN)/python bench/redeem.py
	$(BIN)/python bench/auction.py
	$(BIN)/python bench/fraud.py
	$(BIN)/python bench/audit.py

drill: .venv/base.done  ## lose a demonstration city and bring it back from its copies; prints RPO and RTO
	$(BIN)/tanpuhui backup drill

pictures: .venv/dev.done  ## the pictures of the main pages in docs/pictures, taken from the demonstration
	$(BIN)/python docs/pictures/take.py

pins: .venv/dev.done  ## pin the requirements again, with hashes
	cd requirements && for name in base dev dp oracle otel spark audit; do \
	  $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	    $$name.in -o $$name.txt; done

audit: .venv/pyvenv.cfg  ## known weaknesses of what is pinned (asks an advisory service), and the bill of materials
	$(PYTHON) -m venv .venv/audit
	$(UV) pip install --quiet --python .venv/audit/bin/python --require-hashes -r requirements/audit.txt
	.venv/audit/bin/cyclonedx-py requirements requirements/base.txt --pyproject pyproject.toml --output-reproducible \
	  --of JSON -o sbom.json
	.venv/audit/bin/pip-audit --strict --require-hashes --disable-pip --progress-spinner off -r requirements/base.txt

clean:  ## remove what the commands above made
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
