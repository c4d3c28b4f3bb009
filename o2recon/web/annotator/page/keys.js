// Keyboard shortcuts. The help dialog lists them.

const TOOLS = { b: "brush", e: "eraser", p: "polygon", h: "hand" };

export function listenToKeys(page) {
  const { pointer, stage } = page;
  const plain = {
    "[": () => page.resize(Math.min(page.radius - 1, page.radius / 1.25)),
    "]": () => page.resize(Math.max(page.radius + 1, page.radius * 1.25)),
    "+": () => page.zoom(1.4), "=": () => page.zoom(1.4), "-": () => page.zoom(1 / 1.4), 0: () => page.fit(),
    a: () => page.accept(), "?": () => document.getElementById("help").showModal(),
    delete: () => page.clear(), enter: () => pointer.closePolygon(), escape: () => pointer.dropPolygon(),
    backspace: () => pointer.dropCorner(),
  };
  const held = { " ": (down) => (pointer.held = down), shift: (down) => (pointer.erasing = down), x: (down) => bare(down) };
  const bare = (down) => {
    stage.bare = down;
    stage.draw();
  };

  window.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]")) return;
    const key = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey) {
      const act = { z: event.shiftKey ? () => page.redo() : () => page.undo(), y: () => page.redo(), s: () => page.saving.save() }[key];
      if (act) run(event, act);
      return;
    }
    if (event.altKey) return;
    const onButton = event.target.closest?.("button, input") && (key === " " || key === "enter" || key.startsWith("arrow"));
    if (onButton) return;
    if (key in held) {
      if (key === " ") event.preventDefault();
      held[key](true);
      pointer.draw();
    } else if (key in TOOLS) run(event, () => page.chooseTool(TOOLS[key]));
    else if (key in plain) run(event, plain[key]);
    else if (/^[1-9]$/.test(key) && page.object.best[key - 1] !== undefined) run(event, () => page.choose(page.object.best[key - 1]));
  });
  window.addEventListener("keyup", (event) => {
    const key = event.key.toLowerCase();
    if (!(key in held)) return;
    held[key](false);
    pointer.draw();
  });
  window.addEventListener("blur", () => {
    for (const release of Object.values(held)) release(false);
    pointer.draw();
  });
}

function run(event, act) {
  event.preventDefault();
  act();
}
