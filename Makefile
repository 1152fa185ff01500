# `make`: set-up, then the study of config.yaml. `make test`: the same set-up, then lint and all tests.
PYTHON ?= python3
BIN := .venv/bin
# One thread a job: jobs run side by side, and two threads of one job wait for each other on a busy machine.
export OMP_NUM_THREADS := 1

.PHONY: study extended test lint report verify bench soak wide clean

study: .venv/ready
	$(BIN)/snakemake --cores all

# With the costly techniques.
extended: .venv/ready
	$(BIN)/snakemake --cores all --config extended=True

test: lint
	$(BIN)/python -m pytest

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/snakemake --lint
	$(BIN)/basedpyright

report: .venv/ready
	$(BIN)/snakemake --cores all report

# Whether an archive of `snakemake archive` is whole, and whether its study gives the same here: make verify [ARCHIVE=path.zip] [CHECK=1] [CORES=n]
verify: .venv/ready
	$(BIN)/python workflow/verify.py $(if $(CHECK),--check-only) $(if $(CORES),--cores $(CORES)) $(if $(ARCHIVE),"$(ARCHIVE)")

.venv/ready: envs/requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "pinnscape needs Python 3.11 or newer; set PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check -r envs/requirements.txt
	touch $@

# Against other packages, which have an environment of their own.
bench: .venv/ready .venv-peers/ready
	$(BIN)/python tests/benchmarks/run.py --output results/tables/benchmarks.csv

.venv-peers/ready: envs/peers.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --disable-pip-version-check -r envs/peers.txt
	touch $@

# A study killed a hundred times at random moments.
soak: .venv/ready
	$(BIN)/python tests/soak.py --kills 100

# Time and memory of every rule for a network of 132,609 parameters, in a folder of its own: make wide [FOLDER=path]
wide: .venv/ready
	$(BIN)/python tests/benchmarks/wide.py "$(or $(FOLDER),.cache/wide)"

clean:
	rm -rf .venv .venv-peers .cache
