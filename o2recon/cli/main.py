"""The console command. Nothing heavy is imported before a stage is known to run."""

import os
import sys
from collections.abc import Sequence

from o2recon.cli.table import STAGES

USAGE = """usage: o2recon STAGE [overrides]

{stages}

Every option is an override 'key=value'; '-m' runs all combinations of comma-separated values.
  o2recon demo
  o2recon run scene.root=/data/scene0005_00 object=all
  o2recon run -m scene.root=/data/scene0005_00 object=1,2 ablation=none,no_inpaint
  o2recon run -m sweep.file=experiments/ablations scene.root=/data/scene0005_00  (overrides in a file)
'o2recon STAGE --help' lists the options of a stage; O2RECON_DEBUG=1 shows full tracebacks."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run `o2recon` with `argv` (default: the command line) and exit: 0 ok, 1 some object failed, 2 bad input."""
    from o2recon.cli.termination import end_on_sigterm

    end_on_sigterm()
    sys.exit(status_of(list(sys.argv[1:] if argv is None else argv)))


def status_of(argv: list[str]) -> int:
    """Run one command line and return its exit status."""
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(USAGE.format(stages="\n".join(f"  {name:9} {stage.summary}" for name, stage in STAGES.items())))
        return 0 if argv else 2
    if argv[0] == "--version":
        from o2recon.manifest import package_version

        print(package_version())
        return 0
    name, arguments = argv[0], argv[1:]
    if name not in STAGES:
        return _complain(_unknown_stage(name))
    if "--help" in arguments or "-h" in arguments:
        from o2recon.cli.options import describe

        return _show(describe(name))
    if name == "doctor" and "--report" in arguments:
        arguments = [*(a for a in arguments if a != "--report"), "doctor.report=true"]
    return _launched(name, arguments)


def _launched(name: str, arguments: list[str]) -> int:
    # Read when torch loads: its threads otherwise spin while they wait, and take the cores from each other's processes.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from o2recon.cli.child import ELSEWHERE, INTERRUPTED, TERMINATED, end_with_parent
    from o2recon.cli.errors import ObjectsFailed, WorkedOnElsewhere, is_debugging, one_line
    from o2recon.cli.launch import launch
    from o2recon.cli.termination import LINE, Terminated

    end_with_parent()
    try:
        launch(name, arguments)
    except KeyboardInterrupt:
        return _complain("stopped; the same command continues from the last checkpoint", status=INTERRUPTED)
    except ObjectsFailed as error:
        return _complain(str(error), status=1)
    except WorkedOnElsewhere as error:
        return _complain(str(error), status=ELSEWHERE)
    except SystemExit as error:
        if error.code:
            raise
        # Lightning ends a training that got SIGTERM as if all were well
        return _complain(LINE, status=TERMINATED)
    except Terminated:
        return _complain(LINE, status=TERMINATED)
    except Exception as error:  # the boundary to the shell: every error becomes one line and a status
        if is_debugging(arguments):
            raise
        return _complain(one_line(error))
    return 0


def _show(text: str) -> int:
    """Print; whoever reads may have read enough before the end, as `head` has."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _complain(message: str, *, status: int = 2) -> int:
    print(f"o2recon: {message}", file=sys.stderr)
    return status


def _unknown_stage(name: str) -> str:
    import difflib

    close = difflib.get_close_matches(name, STAGES, n=1)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    return f"there is no stage '{name}'{hint} (stages: {', '.join(STAGES)})"


if __name__ == "__main__":
    main()
