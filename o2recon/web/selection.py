"""What the user has chosen on the page."""

from dataclasses import dataclass, replace

from o2recon.web.study import Method, Study

LAYERS = ("own", "evidence", "error")
"""Colour layers: the object's colours; seen, in-painted, guessed; distance between mesh and truth."""
PICTURES = ("input", "masks", "in-painted", "none")
"""What the cameras show."""


@dataclass(frozen=True)
class Selection:
    """One state of the page's controls. `object`: the one whose cameras and numbers are shown; None: there is none."""

    scene: str
    method: Method
    object: str | None
    layer: str = "own"
    picture: str = "input"
    only: bool = False
    complete: bool = True
    visible: bool = False
    truth: bool = False
    hidden: bool = False
    cameras: bool = True
    labels: bool = True
    grid: bool = True


def first_selection(study: Study) -> Selection:
    """The first scene, its first method, and the first object that is done."""
    scene = study.scenes[0]
    method = study.methods(scene)[0]
    return Selection(scene, method, _object(study, scene, method, None))


def fitted(selection: Selection, study: Study) -> Selection:
    """The selection with everything replaced that the study does not have: other scenes have other methods, objects."""
    scene = selection.scene if selection.scene in study.scenes else study.scenes[0]
    methods = study.methods(scene)
    method = selection.method if selection.method in methods else methods[0]
    return replace(selection, scene=scene, method=method, object=_object(study, scene, method, selection.object))


def _object(study: Study, scene: str, method: Method, wanted: str | None) -> str | None:
    runs = study.runs_of(scene, method)
    done = [run.object for run in runs if run.status == "ok"]
    objects = [run.object for run in runs]
    return wanted if wanted in objects else next(iter([*done, *objects]), None)
