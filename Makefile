# Every target sets up what it needs, once, in .venv. On Windows: `python tools/dev.py demo`, `... test`.
# Options are passed on: make demo ARGS="--fresh", make test ARGS="tests/merge -k laws",
# make fuzz ARGS="--inputs 1000000",
# make durability ARGS="--kills 1000 --cuts 20000 --damages 10000".
PYTHON ?= python3

.PHONY: demo test bench durability fuzz setup lock
demo test bench durability fuzz setup lock:
	@$(PYTHON) tools/dev.py $@ $(ARGS)
