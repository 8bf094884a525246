# Every target sets up what it needs, once, in .venv. On Windows: `python tools/dev.py demo`, `... test`.
# Options are passed on: make demo ARGS="--fresh", make test ARGS="tests/merge -k laws".
PYTHON ?= python3

.PHONY: demo test bench setup lock
demo test bench setup lock:
	@$(PYTHON) tools/dev.py $@ $(ARGS)
