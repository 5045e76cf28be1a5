# Everything a newcomer needs: `make demo`, `make test`. All of it stays in .venv.

PYTHON ?= python3
PORT ?= 8000
PHOTOS ?=
BIN := .venv/bin

.PHONY: install demo test lint lock clean

install: .venv/installed

.venv/installed: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || sh tests/packages.sh python3-venv
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	$(BIN)/python -m bktree
	@touch $@

demo: install
	@PORT=$(PORT) PHOTOS='$(PHOTOS)' $(BIN)/python -m demo

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Kernels run twice: compiled, as users have them, and as plain Python, where coverage can see them.
test: install
	@sh tests/packages.sh mariadb-server
	@$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(ARGS)
	NUMBA_DISABLE_JIT=1 $(BIN)/coverage run -m pytest tests/bktree $(ARGS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

# Exact versions for a new machine, by name alone.
lock: install
	$(BIN)/pip install --quiet --disable-pip-version-check --upgrade --editable '.[dev]'
	$(BIN)/pip freeze --exclude-editable > requirements.lock

clean:
	rm -rf .venv .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache *.egg-info
