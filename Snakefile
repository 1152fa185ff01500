# pinnscape: loss landscapes of physics-informed neural networks. `snakemake -c2` runs the study that config.yaml defines.
from snakemake.utils import min_version

min_version("9.0")


include: "workflow/rules/configuration.smk"
include: "workflow/rules/common.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/curvature.smk"
include: "workflow/rules/landscape.smk"
include: "workflow/rules/techniques.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/archive.smk"


# `--resources gpu=1` limits the jobs on GPUs of this machine to one at a time. On a cluster the scheduler assigns GPUs.
resource_scopes:
    gpu="local",


# Targets. Each target includes the stages on which it depends.
rule all:
    input:
        TABLES,
        FIGURES,


rule train:
    input:
        of_runs("training.nc"),
        solutions(),


rule checkpoints:
    input:
        of_runs("checkpoints.nc"),


rule hessian:
    input:
        of_runs(*HESSIANS),


rule directions:
    input:
        of_runs(*[f"directions-{plane}.nc" for plane in STUDY.planes]),


rule surfaces:
    input:
        of_runs(*[f"surface-{plane}.nc" for plane in STUDY.planes]),


rule techniques:
    input:
        of_techniques(),


rule tables:
    input:
        TABLES,


rule figures:
    input:
        FIGURES,


rule archive:
    input:
        "results/archive.zip",


include: "workflow/rules/running.smk"
