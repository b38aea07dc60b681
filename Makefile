PYTHON ?= python3
BIN := venv/bin
EXAMPLE := test-repo
MINUTES := 5

.DEFAULT_GOAL := help

.PHONY: help
help:
	@echo 'make test-repo    build an example index, and say how to look at it'
	@echo 'make screenshots  take pictures of its pages, in Chromium'
	@echo 'make test         run every check'
	@echo 'make lint         ruff and mypy only'
	@echo 'make docs         update docs/cli.md after a change of options'
	@echo 'make fuzz         repeat the randomised tests with new seeds, for MINUTES=5'
	@echo 'make bench        measure builds; BENCH_ARGS=--help lists the options'
	@echo 'make bench-scan   measure scans'
	@echo 'make clean        remove everything that these commands made'

# The example index needs the program and nothing else; the tests need many libraries.
.PHONY: venv
venv: venv/.installed

venv/.installed: setup.py setup.cfg
	@echo 'Installing dumb-pypi and the libraries that it needs into venv/'
	$(PYTHON) -m venv venv
	$(BIN)/python -m pip install --quiet -e '.[readme]'
	@touch $@

.PHONY: venv-dev
venv-dev: venv/.installed-dev

venv/.installed-dev: venv/.installed requirements-dev.txt
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	@touch $@

.PHONY: lint
lint: venv-dev
	$(BIN)/ruff check
	$(BIN)/mypy

.PHONY: test
test: lint
	@$(MAKE) --no-print-directory coverage

# tox runs this in environments of its own. The tests of a file share fixtures that take long to
# set up, so one process runs them all.
.PHONY: coverage
coverage: export PYTHONHASHSEED = 0
coverage:
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest --numprocesses auto --dist loadfile $(PYTEST_ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# A test fails if this is forgotten.
.PHONY: docs
docs: venv
	$(BIN)/python -m testing.cli_docs docs/cli.md

.PHONY: fuzz
fuzz: venv-dev
	$(BIN)/python -m tests.support.fuzz --minutes $(MINUTES) $(FUZZ_ARGS)

# The packages are in the folder of the index, so that one web server serves both.
.PHONY: test-repo
test-repo: venv
	@echo 'Making some small packages, and building an index of them in $(EXAMPLE)/'
	rm -rf $(EXAMPLE)
	$(BIN)/python -m testing.distributions testing/package-list.jsonl $(EXAMPLE)/pool > $(EXAMPLE).jsonl
	$(BIN)/dumb-pypi \
		--package-list-json $(EXAMPLE).jsonl \
		--project-list-json testing/project-list.jsonl \
		--packages-url ../../pool/ \
		--site-url http://127.0.0.1:8000/ \
		--output-dir $(EXAMPLE) \
		--title 'My Example PyPI'
	@echo
	@echo 'The example index is in $(EXAMPLE)/. To look at it, run'
	@echo '    $(BIN)/dumb-pypi serve $(EXAMPLE)'
	@echo 'and open http://127.0.0.1:8000/ in a browser, or install from it:'
	@echo '    pip install --index-url http://127.0.0.1:8000/simple/ ocelot'

# What is measured is installed as users install it: an editable install takes longer to start.
.PHONY: bench
bench: venv-dev
	$(PYTHON) -m venv bench/venv
	bench/venv/bin/python -m pip install --quiet .
	bench/venv/bin/python -m pip install --quiet --force-reinstall --no-deps .
	$(BIN)/python -m testing.benchmark --program bench/venv/bin/dumb-pypi $(BENCH_ARGS)

.PHONY: bench-scan
bench-scan: venv-dev
	$(BIN)/python -m testing.benchmark_scan

# Look at them after a change of templates or style.
.PHONY: screenshots
screenshots: test-repo venv-dev
	rm -rf screenshots
	$(BIN)/python -m tests.support.screenshots $(EXAMPLE) screenshots

.PHONY: clean
clean:
	rm -rf venv bench build dist *.egg-info .coverage .coverage.* .mypy_cache .pytest_cache \
		.ruff_cache .hypothesis $(EXAMPLE) $(EXAMPLE).jsonl screenshots
