"""The page's panel: its controls are one Selection, its texts follow from the study and that selection."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from o2recon.web.listing import legend, object_text, objects_table
from o2recon.web.nodes import selected_run
from o2recon.web.placing import HELD_OUT, HIDDEN, USED
from o2recon.web.selection import LAYERS, PICTURES, Selection, fitted
from o2recon.web.study import Method, Study, method_name, object_name

if TYPE_CHECKING:
    import viser

_SWITCHES = {
    "only": ("Only this object", "leave out the other objects of the scene"),
    "complete": ("Complete mesh", "mesh.ply: closed, the hidden part included"),
    "visible": ("Visible part", "mesh_visible.ply: only faces that some camera saw"),
    "truth": ("Ground truth", "the true surface, where the scene has one"),
    "hidden": ("Hidden truth", "points of the true surface that no frame saw"),
    "labels": ("Names", "object ids and categories"),
    "grid": ("Floor grid", "cells of half a metre"),
    "cameras": ("Cameras", "chosen views of the selected object; click one to look through it"),
}
_LAYER_NAMES = {"own": "own colours", "evidence": "evidence", "error": "error"}


class Controls:
    """Builds the panel. `on_change` is called after the user changed anything, `on_frame` with an object or None."""

    def __init__(
        self,
        server: "viser.ViserServer",
        selection: Selection,
        *,
        on_change: Callable[[], None],
        on_frame: Callable[[str | None, "viser.ClientHandle | None"], None],
    ) -> None:
        gui = self._gui = server.gui
        self._selection, self._on_change = selection, on_change
        self._methods: dict[str, Method] = {}
        self._objects: dict[str, str] = {}
        gui.configure_theme(show_logo=False, show_share_button=False, control_width="large")
        gui.main_panel.dock_right()
        self._head = gui.add_html("")
        self._scene = self._dropdown("Scene", [selection.scene])
        self._method = self._dropdown("Method", ["-"])
        self._object = self._dropdown("Object", ["-"])
        frame = gui.add_button("Frame this object")
        frame.on_click(lambda event: on_frame(self._selection.object, event.client))
        self._text = gui.add_html("")
        with gui.add_folder("Show"):
            self._layer = self._dropdown("Colours", list(_LAYER_NAMES.values()))
            self._legend = gui.add_html("")
            self._switches = {key: self._checkbox(key) for key in _SWITCHES}
            self._picture = self._dropdown("Their picture", list(PICTURES))
            gui.add_html(_CAMERAS)
        with gui.add_folder("Objects of this scene"):
            self._table = gui.add_html("")
            whole = gui.add_button("Frame the whole scene")
            whole.on_click(lambda event: on_frame(None, event.client))

    @property
    def selection(self) -> Selection:
        return self._selection

    def read(self, study: Study) -> Selection:
        """The selection as the controls have it now, with what the study does not have replaced."""
        asked = replace(
            self._selection,
            scene=self._scene.value,
            method=self._methods.get(self._method.value, self._selection.method),
            object=self._objects.get(self._object.value, self._selection.object),
            layer=LAYERS[list(_LAYER_NAMES.values()).index(self._layer.value)],
            picture=self._picture.value,
            **{key: switch.value for key, switch in self._switches.items()},
        )
        return fitted(asked, study)

    def write(self, study: Study, selection: Selection, *, error_range_cm: float) -> None:
        """Make the controls and texts say `selection`."""
        self._selection = selection
        methods, runs = study.methods(selection.scene), study.runs_of(selection.scene, selection.method)
        self._methods = {method_name(m, methods): m for m in methods}
        self._objects = {object_name(r): r.object for r in runs}
        _set(self._scene, study.scenes, selection.scene)
        _set(self._method, list(self._methods), _key(self._methods, selection.method))
        _set(self._object, list(self._objects) or ["-"], _key(self._objects, selection.object) or "-")
        run = selected_run(study, selection)
        record = None if run is None else study.record(run)
        has_truth = any(study.truth_of(r) is not None for r in runs)
        self._text.content = object_text(
            run,
            num_views=None if record is None else len(record.views),
            has_truth=run is not None and study.truth_of(run) is not None,
        )
        self._legend.content = legend(selection.layer, error_range_cm=error_range_cm, has_truth=has_truth)
        self._table.content = objects_table(runs, selection.object)
        counts = {s: sum(r.status == s for r in study.runs) for s in ("ok", "failed", "unfinished")}
        self.say(", ".join(f"{n} {s}" for s, n in counts.items() if n))

    def say(self, text: str) -> None:
        """The line on top of the panel."""
        self._head.content = f'<div style="font-size:0.82em;padding:0 0.6em;opacity:0.75">{text}</div>'

    def _dropdown(self, label: str, options: list[str]) -> Any:
        handle = self._gui.add_dropdown(label, options)
        handle.on_update(self._changed)
        return handle

    def _checkbox(self, key: str) -> Any:
        label, hint = _SWITCHES[key]
        handle = self._gui.add_checkbox(label, getattr(self._selection, key), hint=hint)
        handle.on_update(self._changed)
        return handle

    def _changed(self, event: Any) -> None:
        if event.client is not None:  # else it was set by `write`
            self._on_change()


_CAMERAS = (
    '<div style="font-size:0.82em;padding:0 0.6em">'
    f'<span style="color:{USED}">&#9632;</span> used, <span style="color:{HELD_OUT}">&#9632;</span> held out; '
    f'<span style="color:{HIDDEN}">&#9679;</span> hidden truth. Click a camera to look through it, '
    "an object to choose it.</div>"
)


def _set(handle: Any, options: Any, value: str) -> None:
    if tuple(handle.options) != tuple(options):
        handle.options = tuple(options)
    if handle.value != value:
        handle.value = value


def _key(choices: dict[str, Any], value: Any) -> str:
    return next((name for name, choice in choices.items() if choice == value), "")
