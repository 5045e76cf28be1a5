# Everything a newcomer needs: `make demo`, `make test`. All of it stays in .venv.

PYTHON ?= python3
PORT ?= 8000
PHOTOS ?=
N ?= 14e6
FILES ?= 20000
# From librsvg2-bin on: what renders SVG, PDF and DjVu.
MEDIAWIKI := mediawiki php8.2-cli php8.2-mysql php8.2-gd php8.2-intl php8.2-mbstring php8.2-xml php8.2-curl \
	php-apcu imagemagick librsvg2-bin ghostscript poppler-utils djvulibre-bin netpbm
# With photos larger than a thumbnail.
WALLPAPERS := lomiri-wallpapers-16.04 lomiri-wallpapers-20.04 mate-backgrounds ukui-wallpapers
BROWSER := chromium fonts-dejavu-core fonts-liberation
BIN := .venv/bin

.PHONY: install web demo test lint bench bench-index bench-api screenshots lock clean

install: .venv/kernels web

.venv/installed: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || sh tests/packages.sh python3-venv
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --quiet --no-deps --editable .
	@touch $@

# numba looks at the file of a kernel alone, not at those it calls into: the cache is made anew.
.venv/kernels: .venv/installed $(wildcard bktree/*.py)
	@rm -f bktree/__pycache__/*.nb[ci]
	$(BIN)/python -m bktree
	@touch $@

# The page and the explorer, into what the service serves.
web: api/static/index.html

web/node_modules: web/package.json web/package-lock.json web/.npmrc web/node.sh | .venv/installed
	sh web/node.sh npm --prefix web ci --silent
	@touch $@

api/static/index.html: web/node_modules $(shell find web -name node_modules -prune -o -type f -print)
	sh web/node.sh npm --prefix web run --silent build
	@touch $@

# What others' suites ask of an API, for the tests.
CONFORMANCE := tests/conformance
$(CONFORMANCE)/node_modules: $(addprefix $(CONFORMANCE)/,package.json package-lock.json .npmrc) web/node.sh | .venv/installed
	sh web/node.sh npm --prefix $(CONFORMANCE) ci --silent
	@touch $@

demo: install
	@PORT=$(PORT) PHOTOS='$(PHOTOS)' $(BIN)/python -m demo

# What the engines are compared with is not locked, but goes with what is.
.venv/peers: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[bench]'
	@touch $@

bench: install .venv/peers
	@sh tests/packages.sh mariadb-server
	$(BIN)/python -m benchmarks --files $(N) --page docs/performance.md --page README.md

bench-index: install
	@sh tests/packages.sh mariadb-server nginx-light $(MEDIAWIKI) $(WALLPAPERS)
	$(BIN)/python -m benchmarks.indexing --files $(FILES) --page docs/performance.md

bench-api: install
	@sh tests/packages.sh mariadb-server wrk
	$(BIN)/python -m benchmarks.serving --page docs/performance.md

lint: .venv/installed web/node_modules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	sh web/node.sh npm --prefix web run --silent lint

# Kernels run twice: compiled, as users have them, and as plain Python, where coverage can see them.
# Each run has coverage files of its own, so that two at once do not mix them up.
test: install $(CONFORMANCE)/node_modules
	@sh tests/packages.sh mariadb-server nginx-light wrk $(MEDIAWIKI) $(BROWSER)
	@files=$$(mktemp -d) && trap 'rm -rf "$$files"' EXIT && export COVERAGE_FILE="$$files/coverage" && set -ex && \
	sh web/node.sh npm --prefix web run --silent test && \
	$(BIN)/coverage run -m pytest && \
	NUMBA_DISABLE_JIT=1 $(BIN)/coverage run -m pytest tests/bktree && \
	$(BIN)/coverage combine --quiet && \
	$(BIN)/coverage report

# What the tests see in the browser, for the documentation.
screenshots: install
	@sh tests/packages.sh mariadb-server $(MEDIAWIKI) $(BROWSER)
	PICTURES=docs/images $(BIN)/python -m pytest --quiet $(wildcard tests/web tests/gadget)

# Exact versions for a new machine, by name alone; without those that `make bench` adds to .venv.
lock:
	$(PYTHON) -m venv --clear build/lock
	build/lock/bin/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	build/lock/bin/pip freeze --exclude-editable > requirements.lock

clean:
	rm -rf .venv web/node_modules $(CONFORMANCE)/node_modules api/static .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache *.egg-info
