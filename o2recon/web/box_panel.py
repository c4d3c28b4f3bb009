"""The panel of `o2recon boxes`: buttons, the fields of the chosen box, and what to run next."""

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

from o2recon.web.box_shapes import title
from o2recon.web.boxes import DrawnBox
from o2recon.web.listing import paragraphs

if TYPE_CHECKING:
    import viser

    from o2recon.web.box_page import BoxPage

_FIRST = "Press <b>New box</b>, then click on an object: a box is put around it."
_PULL = (
    "<b>Pull the arrows</b> until the whole object is inside, a little too large. The square moves, the ring turns it."
)
_VIEW = "View: drag to turn, right button or two fingers to shift, wheel to zoom.<br>&nbsp;"
_CLICK = "<b>Click on an object</b> in the picture. On a touch screen bring it to the middle."
_ADD, _CANCEL = "New box", "Cancel"


class BoxPanel:
    """Shows what the page has, and calls it when something is pressed or typed."""

    def __init__(self, server: "viser.ViserServer", page: "BoxPage") -> None:
        gui, self._page = server.gui, page
        gui.configure_theme(show_logo=False, show_share_button=False, control_width="large")
        gui.main_panel.dock_right()
        self._head = gui.add_html("")
        self._new = gui.add_button(_ADD, hint="N")
        self._middle = gui.add_button("Take what is in the middle", visible=False, hint="for touch screens")
        self._undo = gui.add_button("Undo", hint="Ctrl Z", color="gray")
        self._folder = gui.add_folder("Chosen box")
        with self._folder:
            self._box = gui.add_dropdown("Box", ["-"], hint="or click on what is in it")
            self._name = gui.add_text("Name", "", hint="what it is: chair, table")
            self._size = gui.add_vector3("Size (m)", (1.0, 1.0, 1.0), step=0.01, hint="width, depth, height")
            self._turn = gui.add_slider("Turn (°)", -180.0, 180.0, 0.5, 0.0)
            self._holds = gui.add_html("")
            fit = gui.add_button("Shrink to the points inside")
            look = gui.add_button("Look at it", color="gray")
            remove = gui.add_button("Remove", color="gray")
        self._then = gui.add_html("")
        if page.has_ceiling:
            high = gui.add_checkbox("Show what is high up", False, hint="ceilings, lamps, the upper ends of walls")
            on(high, page.show_high)
        self._new.on_click(lambda _: page.add())
        self._middle.on_click(lambda event: page.place_ahead(event.client))
        self._undo.on_click(lambda _: page.undo())
        fit.on_click(lambda _: page.fit())
        look.on_click(lambda event: page.frame(event.client))
        remove.on_click(lambda _: page.remove())
        gui.add_command("New box", hotkey="N").on_trigger(lambda _: page.add())
        gui.add_command("Undo", hotkey="Z", modifier="cmd/ctrl").on_trigger(lambda _: page.undo())
        self._listen()

    @property
    def text(self) -> str:
        """What stands in the panel, as HTML."""
        return "".join(part.content for part in (self._head, self._holds, self._then))

    def show(self, box: DrawnBox | None) -> None:
        """Make fields and texts say what is so. `box`: the chosen one."""
        page = self._page
        self.ask(_CLICK if page.adding else _FIRST if box is None else _PULL, _VIEW)
        self._new.label, self._new.color = (_CANCEL, "gray") if page.adding else (_ADD, None)
        self._middle.visible = page.adding
        self._undo.disabled = not page.drawn.can_undo
        self._folder.visible = box is not None
        self._then.content = paragraphs(self._next())
        if box is None:
            return
        options = tuple(title(b) for _, b in sorted(page.drawn.boxes.items()))
        if self._box.options != options:
            self._box.options = options
        if self._name.value.strip() != box.category:  # not while a space is typed
            _set(self._name, box.category)
        _set(self._box, title(box))
        _set(self._turn, box.yaw)
        _set(self._size, box.size)

    def ask(self, *lines: str) -> None:
        """Say what to do, HTML."""
        self._head.content = paragraphs(lines)

    def count(self, inside: int) -> None:
        """Say how many points the chosen box holds."""
        self._holds.content = paragraphs([f"{inside:,} points inside" if inside else "<b>No point is inside.</b>"])

    def _next(self) -> list[str]:
        drawn = self._page.drawn
        if self._page.problem:
            return [f'<b style="color:#b3261e">{escape(self._page.problem)}</b>']
        if not drawn.boxes:
            return []
        many = "1 box" if len(drawn.boxes) == 1 else f"{len(drawn.boxes)} boxes"
        return [
            f"{many}, saved in {_code(str(drawn.file))} with every change.",
            f"When each object has one, end the page with Ctrl-C in its terminal and run {_code(self._page.next)}",
        ]

    def _listen(self) -> None:
        page = self._page
        on(self._box, lambda value: page.choose(int(str(value).partition(" ")[0])))
        on(self._name, page.rename)
        on(self._turn, page.turn)
        on(self._size, page.resize)


def on(field: Any, change: Callable[[Any], None]) -> None:
    """Call `change` with what a person gave a field, not with what the page gave it."""

    def changed(event: Any) -> None:
        if event.client is not None:
            change(field.value)

    field.on_update(changed)


def _set(field: Any, value: Any) -> None:
    if field.value != value:
        field.value = value


def _code(text: str) -> str:
    style = "font-family:monospace;overflow-wrap:anywhere;user-select:all;background:rgb(127 127 127 / 15%)"
    return f'<code style="{style}">{escape(text)}</code>'
