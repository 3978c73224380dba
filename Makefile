# `make demo` opens the dashboard on a demo capture; `make test` runs the tests. Both set up what they need first.
.POSIX:
.SUFFIXES:
PYTHON = python3
VENV = .venv

MINUTES = 60
CAPTURE = demo_pcaps/branch-office.pcapng

.PHONY: help demo test check fuzz-ui soak setup clean

help:
	@echo "make demo    set up, and open the dashboard on a demo capture with findings"
	@echo "make test    set up, and run all tests; what cannot run here is listed with its reason"
	@echo "make check   set up, and run the static checks only (ruff, mypy, import contracts)"
	@echo "make fuzz-ui press 20,000 random keys in the dashboard, on real captures where there are some"
	@echo "make soak    as root: replay a capture into a live case (MINUTES=60 CAPTURE=FILE), and watch memory and size"
	@echo "make clean   remove the virtual environment and everything built"

setup:
	@$(PYTHON) tools/setup_env.py $(VENV)

demo: setup
	@$(VENV)/bin/oddport demo

test:
	@$(PYTHON) tools/setup_env.py $(VENV) --with-tests
	@$(VENV)/bin/python tools/run_tests.py

check:
	@$(PYTHON) tools/setup_env.py $(VENV) --with-tests
	@$(VENV)/bin/python tools/run_tests.py --static

fuzz-ui:
	@$(PYTHON) tools/setup_env.py $(VENV) --with-tests
	@$(VENV)/bin/python -m tests.tui.random_keys

soak:
	@$(PYTHON) tools/setup_env.py $(VENV)
	@$(VENV)/bin/python benchmarks/soak.py --minutes $(MINUTES) $(CAPTURE)

clean:
	rm -rf $(VENV) build dist *.egg-info .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find oddport -name '*.so' -delete
