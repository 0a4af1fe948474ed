"""What Dagster loads: assets, checks, jobs, automation, resources; `workspace.yaml` points here."""

import dagster as dg

from docre_assets.assets import ASSETS
from docre_assets.automation import SCHEDULES, SENSORS
from docre_assets.checks import CHECKS
from docre_assets.console import story
from docre_assets.jobs import JOBS
from resources.environment import resources_from_environment


@dg.definitions
def defs() -> dg.Definitions:
    """The whole workflow, with resources as the environment configures them.

    Steps of a run share one process: each would otherwise load torch and the models anew, and the
    stages follow one another anyway.
    """
    return dg.Definitions(
        assets=ASSETS,
        asset_checks=CHECKS,
        jobs=JOBS,
        schedules=SCHEDULES,
        sensors=SENSORS,
        resources=resources_from_environment(),
        loggers={"story": story},
        executor=dg.in_process_executor,
    )
