# `make` lists what there is. Everything happens in .venv; another interpreter: make test PYTHON=python3.12
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2

.DEFAULT_GOAL := help

comma := ,
list = $(subst $(eval) ,$(comma),$(strip $(1)))
EXTRA = $(if $(findstring ray,$(LAUNCHER)),$(VENV)/.ray) $(if $(findstring submitit,$(LAUNCHER)),$(VENV)/.slurm)
# What LAUNCHER= and GPUS= mean to Hydra: GPUs of this machine for ray, jobs at the same time for SLURM
LAUNCH = $(if $(LAUNCHER),hydra/launcher=$(LAUNCHER)) $(if $(GPUS),$(if $(findstring ray,$(LAUNCHER)),hydra.launcher.ray.init.num_gpus=$(GPUS),$(if $(findstring slurm,$(LAUNCHER)),hydra.launcher.array_parallelism=$(GPUS))))

# SCENES= OBJECTS= ABLATIONS= SEEDS=: lists with spaces or commas; SCENE= and SCANS= mean SCENES=
SCANNED = $(strip $(SCENES) $(SCENE) $(SCANS))
NAMED = @test -n "$(SCANNED)" || { echo 'name the scans: make $@ SCENES="/path/to/scene0005_00 ..."'; exit 2; }; \
	for scan in $(subst $(comma), ,$(SCANNED)); do test -e "$$scan" || { echo "there is no $$scan: SCENES= is a list of paths without" \
		"spaces in them; for others use a link, or o2recon run 'scene.root=\"PATH\"'"; exit 2; }; done
flag = $(if $(strip $(2)),--$(1) $(call list,$(2)))
axis = $(if $(strip $(2)),$(1)=$(call list,$(2)))
# STUDY=name: where results go, outputs/name; STUDY=experiments/name: the study whose sweep.yaml says what is run
FILE = $(if $(findstring /,$(STUDY)),$(STUDY))
NAME = $(if $(FILE),,$(STUDY))
WHAT = scene.root=$(call list,$(SCANNED)) $(call axis,object,$(OBJECTS)) $(call axis,study,$(NAME))
AXES = $(call axis,ablation,$(ABLATIONS)) $(call axis,seed,$(SEEDS)) $(call axis,experiment,$(EXPERIMENT))
only = $(if $(2),$(1):[$(call list,$(2))])
ONLY = $(call only,scene,$(notdir $(SCANNED))) $(call only,object,$(OBJECTS)) $(call only,ablation,$(ABLATIONS)) $(call only,seed,$(SEEDS))

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.run ## set up, reconstruct a synthetic room and name the report (no GPU, no download of weights)
	$(BIN)/o2recon demo

test: $(VENV)/.dev ## set up and run the fast tests
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile --jaxtyping-packages=o2recon,beartype.beartype

test-slow: $(VENV)/.dev $(VENV)/.ray $(VENV)/.slurm ## the tests that take minutes
	$(BIN)/python -m pytest -q -m slow --jaxtyping-packages=o2recon,beartype.beartype

check: lint types imports test ## everything that must pass before a change lands

lint: $(VENV)/.dev ## style
	$(BIN)/ruff check o2recon tests

types: $(VENV)/.dev ## static types
	$(BIN)/mypy

imports: $(VENV)/.dev ## who may import whom
	$(BIN)/lint-imports

audit: $(VENV)/.dev ## known vulnerabilities of what is installed; needs the network, and says so where there is none
	$(BIN)/python .ci/audit.py

report: $(VENV)/.run ## report of a study: make report STUDY=main [SCENES="a b" OBJECTS=1,2 ABLATIONS="none no_inpaint" SEEDS=0]
	$(BIN)/o2recon report study=$(or $(notdir $(patsubst %/,%,$(patsubst %/sweep.yaml,%,$(STUDY)))),main) $(if $(strip $(ONLY)),'report.only={$(call list,$(ONLY))}') $(OPTIONS)

benchmark: $(VENV)/.run $(EXTRA) ## all methods, experiments/benchmark: make benchmark SCENES="a b" [OBJECTS= ABLATIONS= SEEDS= GPUS= LAUNCHER= STUDY=benchmark]
	$(NAMED)
	@status=0; run="$(BIN)/o2recon run -m $(WHAT) $(LAUNCH) $(OPTIONS)"; \
	$$run sweep.file=experiments/benchmark/smooth_sdf.yaml || status=1; \
	$$run sweep.file=experiments/benchmark $(AXES) || status=1; exit $$status

ablations: $(VENV)/.run $(EXTRA) ## the ablation table, experiments/ablations: make ablations SCENES="a b" [OBJECTS=1,2 ABLATIONS="none no_inpaint" SEEDS="0 1" EXPERIMENT=quick GPUS= LAUNCHER=]
	$(NAMED)
	$(BIN)/python experiments/ablations/run.py --scenes $(SCANNED) $(call flag,objects,$(OBJECTS)) $(call flag,ablations,$(ABLATIONS)) \
		$(call flag,seeds,$(SEEDS)) $(call flag,experiment,$(EXPERIMENT)) $(call flag,study,$(NAME)) --out outputs/$(or $(NAME),ablations) \
		-- $(LAUNCH) $(OVERRIDES) $(OPTIONS)

sweep: $(VENV)/.run $(EXTRA) ## runs on all devices: make sweep SCENES="a b" [OBJECTS=1,2 ABLATIONS="none no_inpaint" SEEDS="0 1" EXPERIMENT=quick GPUS=4 LAUNCHER=ray STUDY=main, or STUDY=experiments/paper]
	$(NAMED)
	$(BIN)/o2recon run -m $(call axis,sweep.file,$(FILE)) $(WHAT) $(AXES) $(LAUNCH) $(OPTIONS)

paper: $(VENV)/.run $(EXTRA) ## the paper's method and its ablations, experiments/paper: make paper SCENES="a b" [OBJECTS= SEEDS="0 1 2" GPUS= LAUNCHER= STUDY=paper]
	$(NAMED)
	$(BIN)/o2recon run -m sweep.file=experiments/paper $(WHAT) $(AXES) $(LAUNCH) $(OPTIONS)

clean: ## remove the environment and caches; work/ and outputs/ stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache *.egg-info

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "o2recon needs Python 3.11 or newer: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml constraints-dev.txt | $(BIN)/python
	$(BIN)/python -m pip install -q -c constraints-dev.txt -e .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints-dev.txt | $(BIN)/python
	$(BIN)/python -m pip install -q -c constraints-dev.txt -e '.[dev]'
	@touch $@ $(VENV)/.run

$(VENV)/.ray $(VENV)/.slurm: $(VENV)/.%: $(VENV)/.run
	$(BIN)/python -m pip install -q -c constraints-dev.txt -e '.[$*]'
	@touch $@

.PHONY: help demo test test-slow check lint types imports audit report benchmark ablations sweep paper clean
