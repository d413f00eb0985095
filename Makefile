# What one does with a checkout of nnquestion. `make` alone lists it. Needs python3 (3.11 or newer), git and make.
#
# Set-up is three stamps in .venv, so that nothing is installed again while pyproject.toml and the locks stay
# as they are:
#   made       the empty environment, and the folder and the PYTHON that it was made for
#   stamp-run  requirements.lock is installed, and the project, editable
#   stamp-dev  requirements-dev.lock is installed on top
#   stamp-code requirements-code.lock is: what the programs of the question bank need, some 500 MB
# While pip works there is a file .venv/busy. Where it was left behind, a set-up was interrupted, and the next
# one starts from nothing.
#
# pip takes every package by its hash, the build backend as well: hatchling is in requirements.lock, since the
# project itself is installed without build isolation (isolation would fetch a backend that nothing pins).
# That costs a set-up a second or two, and keeps it to one lock and one way for running and for developing.

VENV := .venv
PYTHONS := python3 python3.14 python3.13 python3.12 python3.11
PIP_INSTALL = $(VENV)/bin/python -m pip --disable-pip-version-check --no-input -qq install
FAILED = echo 'The set-up failed, see above. Once that is mended, the same command starts it anew.' >&2; exit 1
UV ?= uv

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo chat install test check format schedule simulate soak torture code lock clean FORCE

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/stamp-run ## set up what is missing, and show in the terminal what the bot does
	@$(VENV)/bin/nnquestion demo

chat: $(VENV)/stamp-run ## talk with the bot in the terminal
	@$(VENV)/bin/nnquestion chat

install: $(VENV)/stamp-run ## set up what running the bot needs, and run nothing (docs/deploy.md)
	@:

# One step of the checks, under a heading.
step = @printf '\n== %s\n' '$(1)' && $(VENV)/bin/$(1)

# pytest rewrites the asserts of all tests, which takes as long as mypy does, and each of its workers would do it anew.
# So it is done beside mypy, and kept; also where Python is told to keep nothing (docs.pytest.org, "assert").
export PYTHONDONTWRITEBYTECODE :=
READ_TESTS = $(VENV)/bin/pytest --collect-only -qq >/dev/null 2>&1

test: $(VENV)/stamp-dev ## run all checks: ruff, mypy, who may import whom, the tests
	$(call step,ruff check .)
	$(call step,ruff format --check .)
	@$(READ_TESTS) & reading=$$!; printf '\n== mypy\n'; $(VENV)/bin/mypy; found=$$?; wait $$reading; exit $$found
	$(call step,lint-imports --no-logo)
	$(call step,pytest -n auto)

check: test ## the same as make test

format: $(VENV)/stamp-dev ## put the code in order: imports, safe fixes, layout
	@$(VENV)/bin/ruff check --fix-only --quiet .
	@$(VENV)/bin/ruff format .

schedule: $(VENV)/stamp-run ## check the schedule on every day of every time zone (takes a while)
	@$(VENV)/bin/python benchmarks/schedule_exhaustive.py

simulate: $(VENV)/stamp-dev ## a thousand simulated months in which everything goes wrong (takes most of an hour)
	@$(VENV)/bin/python -m tests.simulation.run --seeds 1000 --days 30

torture: $(VENV)/stamp-dev ## kill the program at every step of a round while both platforms fail (takes up to 25 minutes)
	@$(VENV)/bin/python -m tests.torture

soak: $(VENV)/stamp-dev ## live through ten weeks on a fast clock, and see what grows (a minute or two)
	@$(VENV)/bin/python -m tests.soak

code: $(VENV)/stamp-code ## run the programs of the question bank, and note what they print in docs/questions.md
	@$(VENV)/bin/python benchmarks/code_examples.py

LOCK = $(UV) pip compile --quiet --universal --generate-hashes --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' $(LOCK_FLAGS) pyproject.toml

lock: ## pin what pyproject.toml asks for (needs uv); LOCK_FLAGS=--upgrade takes newer versions
	@command -v "$(UV)" >/dev/null || { echo 'make lock needs uv: put it on the PATH or pass UV=/path/to/uv' >&2; exit 1; }
	@$(LOCK) --extra build --output-file requirements.lock
	@$(LOCK) --extra dev --constraint requirements.lock --output-file requirements-dev.lock
	@$(LOCK) --extra code --constraint requirements.lock --output-file requirements-code.lock

clean: ## remove .venv and what the tools left behind (never a database)
	@rm -rf $(VENV) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment is made anew where it was left half done, its interpreter is gone, the checkout was moved, or
# another PYTHON is asked for.
VENV_OK := $(shell test -x $(VENV)/bin/python && test ! -e $(VENV)/busy && { \
	read -r folder && read -r python && test "$$folder" = "$$(pwd -P)" && \
	{ test -z '$(PYTHON)' || test "$$python" = '$(PYTHON)'; }; \
	} 2>/dev/null <$(VENV)/made && echo yes)
ifneq ($(VENV_OK),yes)
$(VENV)/made: FORCE
endif

PYTHON_VERSION = import sys; print("%d.%d.%d" % sys.version_info[:3]); sys.exit(sys.version_info < (3, 11))

$(VENV)/made:
	@if [ -n "$$PYTHON" ]; then set -- "$$PYTHON"; else set -- $(PYTHONS); fi; \
	found=; bare=; old=; \
	for python; do \
		if version=$$("$$python" -c '$(PYTHON_VERSION)' 2>/dev/null); then \
			if "$$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then found=$$python; break; fi; \
			bare=$${bare:-$$version}; \
		else \
			old=$${old:-$$version}; \
		fi; \
	done; \
	if [ -z "$$found" ] && [ -n "$$bare" ]; then \
		echo "nnquestion needs Python's venv module; the Python $$bare here lacks it." \
			"Install it (Debian/Ubuntu: apt install python3-venv, or python$${bare%.*}-venv)" \
			"or pass PYTHON=/path/to/python3" >&2; exit 1; \
	elif [ -z "$$found" ]; then \
		if [ -z "$$PYTHON" ]; then here="this machine has $${old:-none}"; \
		elif [ -n "$$old" ]; then here="$$PYTHON is $$old"; \
		else here="$$PYTHON does not run"; fi; \
		echo "nnquestion needs Python 3.11 or newer; $$here." \
			"Install it (Debian/Ubuntu: apt install python3.11 python3.11-venv; macOS: brew install python)" \
			"or pass PYTHON=/path/to/python3" >&2; exit 1; \
	fi; \
	echo "Setting up $(VENV) with Python $$version (first run only, about a minute)"; \
	rm -rf $(VENV) && mkdir $(VENV) && : >$(VENV)/busy && \
	"$$found" -m venv $(VENV) && \
	printf '%s\n' "$$(pwd -P)" "$$PYTHON" >$@

$(VENV)/stamp-run: $(VENV)/made pyproject.toml requirements.lock
	@: >$(VENV)/busy
	@echo '  installing what nnquestion needs ...'
	@$(PIP_INSTALL) --require-hashes --requirement requirements.lock || { $(FAILED); }
	@echo '  installing nnquestion itself ...'
	@$(PIP_INSTALL) --no-index --no-deps --no-build-isolation --editable . || { $(FAILED); }
	@rm $(VENV)/busy
	@: >$@

$(VENV)/stamp-dev: $(VENV)/stamp-run requirements-dev.lock
	@: >$(VENV)/busy
	@echo '  installing the tools for the checks ...'
	@$(PIP_INSTALL) --require-hashes --requirement requirements-dev.lock || { $(FAILED); }
	@rm $(VENV)/busy
	@: >$@

$(VENV)/stamp-code: $(VENV)/stamp-run requirements-code.lock
	@: >$(VENV)/busy
	@echo '  installing what the programs of the question bank need ...'
	@$(PIP_INSTALL) --require-hashes --requirement requirements-code.lock || { $(FAILED); }
	@rm $(VENV)/busy
	@: >$@
