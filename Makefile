# `make`: set-up, then the study of config.yaml. `make STUDY=quick`: the study of workflow/studies/quick.yaml, with its results in
# results/studies/quick. `make demo`: one landscape of that study. `make test`: set-up, then lint and all tests. `VERBOSE=1`: complete output of Snakemake.
# Paths are relative and programs are started with `python -m`, so that the folder may have any name that Python and NetCDF support.
PYTHON ?= python3
BIN := .venv/bin
# One thread for each job, because jobs run in parallel and threads of a job wait for each other on a busy machine.
export OMP_NUM_THREADS := 1
# For users without a home or a name, as in some containers.
export HOME := $(or $(HOME),/nonexistent)
export LOGNAME := $(or $(LOGNAME),$(USER),user)
# The logger plugin in workflow/logger shortens the output of Snakemake.
SNAKEMAKE = $(BIN)/python -m snakemake $(if $(VERBOSE),,--logger pinnscape) --cores all $(OF_STUDY)
SUMMARY = $(BIN)/python workflow/summary.py $(FOLDER_OF_STUDY)results
FOLDER_OF_STUDY = $(if $(STUDY),results/studies/$(STUDY)/)
ifneq ($(STUDY),)
ifeq ($(wildcard workflow/studies/$(STUDY).yaml),)
$(error there is no study $(STUDY) in workflow/studies: $(notdir $(basename $(wildcard workflow/studies/*.yaml))))
endif
endif
OF_STUDY = $(if $(STUDY),--configfile workflow/studies/$(STUDY).yaml --directory $(FOLDER_OF_STUDY))

# `make test-narrow` restricts the instruction set to the oldest x86-64 that torch and numpy support.
NARROW := ATEN_CPU_CAPABILITY=default PINNSCAPE_MARCH=x86-64-v2 MKL_CBWR=COMPATIBLE OPENBLAS_CORETYPE=Nehalem NPY_DISABLE_CPU_FEATURES="X86_V3 X86_V4 AVX512_ICL AVX512_SPR"
NUMERICAL := connectivity curvature landscape linalg losses networks problems tables training

.PHONY: study demo extended config test test-narrow test-gpu lint report verify docs bench soak wide clean

study: .venv/ready
	@$(SNAKEMAKE)
	@$(SUMMARY)

# One landscape of one problem.
demo: STUDY = quick
demo: .venv/ready
	@$(SNAKEMAKE) results/figures/planes-poisson2d.png
	@echo 'Energy and squared residual around two trained networks: $(FOLDER_OF_STUDY)results/figures/planes-poisson2d.png'

# The study with the expensive techniques.
extended: .venv/ready
	@$(SNAKEMAKE) --config extended=true
	@$(SUMMARY)

# Writes config.yaml, its schema and docs/configuration.md from the definitions of the settings. Changes in config.yaml are lost.
config: .venv/ready
	$(BIN)/python workflow/configure.py

# In UTF-8 independently of the locale, because tests read files of the project.
test: lint
	PYTHONUTF8=1 $(BIN)/python -m pytest

# Only the numerical tests, with the instruction set of a processor without AVX.
test-narrow: .venv/ready
	$(NARROW) $(BIN)/python -m pytest $(addprefix tests/,$(NUMERICAL))

# Tests and a short benchmark on a machine with a GPU. `make test-gpu PYTHON=python3` uses another interpreter with the required packages, without .venv.
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

# The study, then all figures and tables on one self-contained page. In UTF-8, because Snakemake reads config.yaml for it in the encoding of the locale.
report: .venv/ready
	@PYTHONUTF8=1 $(SNAKEMAKE) --report results/report.html --report-after-run
	@$(SUMMARY)

# Checks an archive of `snakemake archive` and compares its results with those of a new run: make verify [ARCHIVE=path.zip] [CHECK=1] [CORES=n]
verify: .venv/ready
	$(BIN)/python workflow/verify.py $(if $(CHECK),--check-only) $(if $(CORES),--cores $(CORES)) $(if $(ARCHIVE),"$(ARCHIVE)")

# Pages that are made from the code: descriptions of files, and the tables of techniques.
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

# Benchmarks against other packages, which are installed in a separate environment.
bench: .venv/ready .venv-peers/ready
	$(BIN)/python tests/benchmarks/run.py --output results/tables/benchmarks.csv

.venv-peers/ready: envs/peers.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --disable-pip-version-check -r envs/peers.txt
	touch $@

# Kills and resumes a study a hundred times at random moments.
soak: .venv/ready
	$(BIN)/python tests/soak.py --kills 100

# Time and memory of all rules for a network with 132,609 parameters, in a separate folder: make wide [FOLDER=path]
wide: .venv/ready
	$(BIN)/python tests/benchmarks/wide.py "$(or $(FOLDER),.cache/wide)"

clean:
	rm -rf .venv .venv-peers .cache build workflow/pinnscape.egg-info
