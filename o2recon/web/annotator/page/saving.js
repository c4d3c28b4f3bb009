// Saving and removing sketches, and what happens when another page did so meanwhile.

import * as server from "./server.js";

const $ = (id) => document.getElementById(id);

export class Saving {
  constructor(page) {
    this.page = page;
    this.busy = false;
  }

  // All views with unsaved paint.
  save() {
    return this.guarded(async () => {
      for (const view of this.page.unsaved()) await this.saveView(view);
    });
  }

  // The saved sketch of the view that is shown.
  remove() {
    const view = this.page.active;
    return this.guarded(() => this.removeView(view));
  }

  async guarded(work) {
    const { page } = this;
    if (this.busy || page.pointer.stroke) return;
    this.busy = true;
    page.refresh();
    try {
      await work();
    } catch (problem) {
      page.complain(problem);
    }
    this.busy = false;
    page.refresh();
    page.preview();
  }

  async saveView(view) {
    const state = this.page.open.get(view), mask = state.masks.paint.copy();
    if (!mask.count()) return this.removeView(view);
    try {
      const { version, source } = await server.save(view, mask, state.version);
      state.version = version;
      state.saved = mask;
      state.unsaved = !state.masks.paint.equals(mask);
      this.page.known(view).source = source;
    } catch (problem) {
      await this.settle(problem, view, () => this.saveView(view));
    }
  }

  // Without a painted file the scan's own sketch counts again, where there is one.
  async removeView(view) {
    try {
      const { source } = await server.remove(view, this.page.open.get(view).version);
      this.page.known(view).source = source;
      await this.page.reload(view);
    } catch (problem) {
      await this.settle(problem, view, () => this.removeView(view));
    }
  }

  // Another page saved or removed this view since this one read it: the person decides.
  async settle(problem, view, again) {
    if (problem.status !== 412) throw problem;
    const { version } = problem.content, dialog = $("conflict");
    $("conflict-text").textContent = version === "none"
      ? `The sketch of frame ${view} was removed on another page.`
      : `Frame ${view} was saved on another page since this one read it.`;
    dialog.showModal();
    const choice = await new Promise((resolve) => {
      for (const name of ["load", "keep", "later"]) $(`conflict-${name}`).onclick = () => resolve(name);
      dialog.oncancel = () => resolve("later");
    });
    dialog.close();
    if (choice === "load") {
      this.page.known(view).source = version === "none" ? "none" : "painted";
      await this.page.reload(view);
    } else if (choice === "keep") {
      this.page.open.get(view).version = version;
      await again();
    }
  }
}
