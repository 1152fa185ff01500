# `make`: set-up, then the study of config.yaml. `make test`: the same set-up, then lint and all tests. `VERBOSE=1`: all that Snakemake says.
# Paths are relative and programs are started by the interpreter, so that the folder may have any name that Python and NetCDF can take.
PYTHON ?= python3
BIN := .venv/bin
# One thread a job: jobs run side by side, and two threads of one job wait for each other on a busy machine.
export OMP_NUM_THREADS := 1
# A user without a home or a name, as in some containers.
export HOME := $(or $(HOME),/nonexistent)
export LOGNAME := $(or $(LOGNAME),$(USER),user)
# The short form of what Snakemake says is a plugin for it in workflow/logger.
SNAKEMAKE = $(BIN)/python -m snakemake $(if $(VERBOSE),,--logger pinnscape) --cores all
SUMMARY = $(BIN)/python workflow/summary.py

# What a processor offers is narrowed to the oldest x86-64 that torch and numpy support, for `make test-narrow`.
NARROW := ATEN_CPU_CAPABILITY=default PINNSCAPE_MARCH=x86-64-v2 MKL_CBWR=COMPATIBLE OPENBLAS_CORETYPE=Nehalem NPY_DISABLE_CPU_FEATURES="X86_V3 X86_V4 AVX512_ICL AVX512_SPR"
NUMERICAL := connectivity curvature landscape linalg losses networks problems tables training

.PHONY: study extended config test test-narrow test-gpu lint report verify docs bench soak wide clean

study: .venv/ready
	@$(SNAKEMAKE)
	@$(SUMMARY)

# With the costly techniques.
extended: .venv/ready
	@$(SNAKEMAKE) --config extended=true
	@$(SUMMARY)

# config.yaml, its schema and docs/configuration.md from the definitions of the settings; own values in config.yaml are lost.
config: .venv/ready
	$(BIN)/python workflow/configure.py

# In UTF-8, whatever the locale: tests read files of the project.
test: lint
	PYTHONUTF8=1 $(BIN)/python -m pytest

# The numerical tests alone, as on a processor without AVX.
test-narrow: .venv/ready
	$(NARROW) $(BIN)/python -m pytest $(addprefix tests/,$(NUMERICAL))

# On a machine with a GPU: tests and a short benchmark. `make test-gpu PYTHON=python3` takes an interpreter that has what is needed, without .venv.
ifeq ($(origin PYTHON),command line)
test-gpu:
	$(PYTHON) tests/gpu
else
test-gpu: .venv/ready
	$(BIN)/python tests/gpu
endif

lint: .venv/ready
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m snakefmt --check Snakefile workflow/rules
	$(BIN)/python -m snakemake --lint
	$(BIN)/python -m basedpyright
	$(BIN)/lint-imports

# The study, then all its figures and tables on one self-contained page. In UTF-8, as Snakemake reads config.yaml in the encoding of the locale for it.
report: .venv/ready
	@PYTHONUTF8=1 $(SNAKEMAKE) --report results/report.html --report-after-run
	@$(SUMMARY)

# Whether an archive of `snakemake archive` is whole, and whether its study gives the same here: make verify [ARCHIVE=path.zip] [CHECK=1] [CORES=n]
verify: .venv/ready
	$(BIN)/python workflow/verify.py $(if $(CHECK),--check-only) $(if $(CORES),--cores $(CORES)) $(if $(ARCHIVE),"$(ARCHIVE)")

# Pages that are made from the code: what files hold, and the tables of techniques.
docs: .venv/ready
	$(BIN)/python workflow/describe.py
	$(BIN)/python tests/benchmarks/technique_tables.py --write

.venv/ready: envs/requirements.txt workflow/link.py
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "pinnscape needs Python 3.11 or newer; set PYTHON=...")'
	@$(PYTHON) workflow/folder.py
	@echo 'setting up .venv from envs/requirements.txt'
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install $(if $(VERBOSE),,--quiet) --disable-pip-version-check -r envs/requirements.txt
	@$(BIN)/python workflow/link.py
	@touch $@

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
	rm -rf .venv .venv-peers .cache build workflow/pinnscape.egg-info
