# Two commands matter: `make run` and `make test`. They need python3 (3.11 or newer) and make, nothing else.
PYTHON ?= python3
VENV := .venv
# Installs faster where it is there; `make UV= …` does without it, as CI does.
UV ?= $(shell command -v uv 2>/dev/null)
PY := $(VENV)/bin/python
.DEFAULT_GOAL := run

define install
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "parley: $(PYTHON) is missing or older than 3.11. Name another: make PYTHON=python3.12" >&2; exit 1; }
	@echo "Installing $(1) into $(VENV) (once) …"
	@if [ -n "$(UV)" ]; then \
	  { [ -x $(PY) ] || $(UV) venv -q --python $(PYTHON) $(VENV); } && \
	  $(UV) pip install -q --require-hashes --python $(PY) -r $(1); \
	else \
	  $(PY) -m pip --version >/dev/null 2>&1 || { \
	    $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	      echo "parley: $(PYTHON) cannot make environments (no ensurepip). On Debian: apt-get install python3-venv" >&2; exit 1; }; \
	    $(PYTHON) -m venv --clear $(VENV); \
	  } && $(PY) -m pip install -q --disable-pip-version-check --require-hashes \
	    --only-binary :all: --no-binary localstripe -r $(1); \
	fi
	@touch $@
endef

$(VENV)/.run: requirements.txt
	$(call install,requirements.txt)

# A superset of the same pins; what runs is in it too.
$(VENV)/.dev: requirements-dev.txt
	$(call install,requirements-dev.txt)
	@touch $(VENV)/.run

run: $(VENV)/.run  ## start everything with demo data; Ctrl-C stops it; PORT=9000 make run
	@exec $(PY) manage.py up

serve: $(VENV)/.run  ## a server with TLS, without a demo: make serve DOMAIN=chat.example.com EMAIL=ops@example.com
	@[ -n "$(DOMAIN)" ] || { echo "parley: name the domain: make serve DOMAIN=chat.example.com EMAIL=ops@example.com" >&2; exit 1; }
	@DOMAIN="$(DOMAIN)" ACME_EMAIL="$(EMAIL)" exec $(PY) manage.py up

test: $(VENV)/.dev  ## run the whole test suite; ARGS="tests/billing -k tier" runs a part
	@exec $(PY) -m pytest $(if $(ARGS),$(ARGS),-n 2 --dist worksteal)

# One step each, for .pre-commit-config.yaml.
LINT = lint-style lint-types lint-imports lint-migrations lint-templates lint-scripts
lint $(LINT): export PARLEY_SERVERS = none
lint: $(LINT)  ## ruff, mypy, import direction, migrations, templates, scripts

lint-style: $(VENV)/.dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

lint-types: $(VENV)/.dev
	DEBUG=1 $(PY) -m mypy

lint-imports: $(VENV)/.dev
	$(VENV)/bin/lint-imports

lint-migrations: $(VENV)/.dev
	$(PY) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

lint-templates: $(VENV)/.dev
	find . -path './.*' -prune -o -path '*/templates/*.html' -exec $(VENV)/bin/djhtml --check --tabwidth 2 {} +

lint-scripts: $(VENV)/.dev
	$(VENV)/bin/oxlint --deny-warnings static
	$(VENV)/bin/oxfmt --check static/*.js

# Tools that look at code and locks from outside, in an environment of their own.
AUDIT := .venv-audit
$(AUDIT)/.done: requirements-audit.txt
	@$(PYTHON) -m venv --clear $(AUDIT)
	@$(AUDIT)/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-audit.txt
	@touch $@

audit: $(VENV)/.dev $(AUDIT)/.done  ## look for faults: bandit, known faults of dependencies, search paths of SQL functions
	$(AUDIT)/bin/bandit -q -c pyproject.toml -x '*/migrations/*' \
	  -r accounts billing config core demo hosting shops stack manage.py
	$(PY) -m stack.audit $(AUDIT)/bin/pip-audit
	$(PY) -m pytest -q tests/stack/test_definers.py

coverage: $(VENV)/.dev  ## what the tests of billing leave out, by line and branch; ARGS="tests/hosting" PART=hosting for another app
	$(PY) -m coverage run --branch --source=$(or $(PART),billing) -m pytest $(if $(ARGS),$(ARGS),tests/billing tests/stories)
	$(PY) -m coverage report --show-missing --skip-covered

pictures: $(VENV)/.dev  ## make the pictures of the docs from the demo that `make run` shows
	@exec $(PY) docs/make_pictures.py

bench: $(VENV)/.dev  ## run every benchmark; ARGS=metering runs one
	@exec $(PY) -m benchmarks $(ARGS)

# Pins keep their extras: pip in hash mode takes `coverage[toml]>=7` from the newest release unless a pin has that extra.
COMPILE = uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-strip-extras \
  --no-emit-index-url --no-header --no-annotate

lock:  ## pin requirements anew (needs uv)
	$(COMPILE) requirements.in -o requirements.txt
	$(COMPILE) -c requirements.txt requirements-dev.in -o requirements-dev.txt
	$(COMPILE) requirements-audit.in -o requirements-audit.txt

tables: $(VENV)/.dev  ## make each app's first migration anew from the models; until the first release only
	@for file in */migrations/000*.py; do mv $$file $$file.old; done
	@if $(PY) -W ignore manage.py makemigrations --no-header core accounts hosting billing shops; \
	  then rm -f */migrations/0001_initial.py.old; else rm -f */migrations/0001_initial.py; fi
	@for file in */migrations/*.old; do mv $$file $${file%.old}; done

clean:  ## remove the environment and all data
	@$(if $(wildcard $(PY)),$(PY),$(PYTHON)) -m stack.location var
	rm -rf $(VENV) $(AUDIT) var

help:  ## show this
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 8

.PHONY: run serve test lint $(LINT) audit coverage pictures bench lock tables clean help
