// The page: one object, its views, the one that is painted now.

import { History, Mask } from "./mask.js";
import { listenToKeys } from "./keys.js";
import { markActive, showEffect, showLayers, showOthers, updateOthers } from "./panel.js";
import { Pointer } from "./pointer.js";
import { Saving } from "./saving.js";
import * as server from "./server.js";
import { Stage } from "./stage.js";

const PREVIEW_PAUSE = 60; // ms between two previews
const $ = (id) => document.getElementById(id);

class Page {
  constructor(object) {
    this.object = object;
    this.open = new Map(); // views that were painted or looked at, by number
    this.tool = "brush";
    this.radius = 12;
    this.stage = new Stage($("picture"));
    this.pointer = new Pointer($("pointer"), this.stage, this);
    this.saving = new Saving(this);
    $("object").textContent = object.category;
    $("place").textContent = `object ${object.object} in ${object.scene}`;
    $("command").textContent = object.continue_with;
    document.title = `${object.category} ${object.object} \u2013 o2recon annotate`;
    $("hint").textContent = `Paint where the ${object.category} goes on behind what stands in front of it.`;
    showLayers($("layers"), this.stage.shown, () => this.stage.recompose());
    showOthers($("others"), object.views, (view) => this.choose(view));
    this.listen();
    listenToKeys(this);
    this.choose(object.best[0]);
  }

  listen() {
    const clicks = {
      undo: () => this.undo(), redo: () => this.redo(), accept: () => this.accept(), clear: () => this.clear(),
      save: () => this.saving.save(), remove: () => this.saving.remove(), "help-button": () => $("help").showModal(),
      "zoom-in": () => this.zoom(1.4), "zoom-out": () => this.zoom(1 / 1.4), "zoom-fit": () => this.fit(),
      copy: () => navigator.clipboard.writeText(this.object.continue_with).then(() => ($("copy").textContent = "Copied")),
    };
    for (const [id, act] of Object.entries(clicks)) $(id).addEventListener("click", act);
    for (const button of document.querySelectorAll("[data-tool]")) {
      button.addEventListener("click", () => this.chooseTool(button.dataset.tool));
    }
    $("size").addEventListener("input", () => this.resize(Number($("size").value)));
    window.addEventListener("beforeunload", (event) => {
      if (this.unsaved().length) event.preventDefault();
    });
    this.resize(this.radius);
    this.chooseTool(this.tool);
  }

  // ---- views ----

  get state() {
    return this.open.get(this.active);
  }

  get mask() {
    return this.state?.masks.paint;
  }

  async choose(view) {
    if (this.pointer.stroke) return;
    this.pointer.dropPolygon();
    try {
      if (!this.open.has(view)) this.open.set(view, await this.read(view));
    } catch (problem) {
      return this.complain(problem);
    }
    this.active = view;
    this.stage.show(this.state.image, this.state.masks, true);
    markActive($("others"), view);
    if (window.matchMedia("(max-width: 860px)").matches) window.scrollTo({ top: 0, behavior: "smooth" });
    this.refresh();
    this.preview();
  }

  async read(view) {
    const { width, height } = this.object, length = (width * height + 7) >> 3;
    const [{ version, bytes }, image] = await Promise.all([server.readMasks(view), server.readPicture(view)]);
    const [seen, proposal, possible, paint] = [0, 1, 2, 3].map((i) => (
      Mask.unpacked(width, height, bytes.subarray(i * length, (i + 1) * length))
    ));
    return { image, version, masks: { seen, proposal, possible, paint, result: null }, saved: paint.copy(), history: new History() };
  }

  // What the server has, instead of what is painted here.
  async reload(view) {
    this.open.set(view, await this.read(view));
    if (view === this.active) this.stage.show(this.state.image, this.state.masks, false);
    this.refresh();
    this.preview();
  }

  unsaved() {
    return [...this.open].filter(([, state]) => state.unsaved).map(([view]) => view);
  }

  known(view) {
    return this.object.views.find((other) => other.view === view);
  }

  // ---- painting: what a gesture does ----

  begin() {
    this.before = this.mask.copy();
  }

  changed(box) {
    this.stage.compose(box);
    this.preview();
  }

  end(box) {
    if (this.state.history.record(this.before, this.mask, box)) $("hint").textContent = "";
    this.settled();
  }

  drop(box) {
    this.mask.paste(box, this.before.cut(box));
    this.changed(box);
  }

  settled() {
    this.state.unsaved = !this.mask.equals(this.state.saved);
    this.refresh();
    this.preview();
  }

  edit(change) {
    if (!this.mask || this.pointer.stroke) return;
    this.begin();
    const box = change(this.mask);
    this.changed(box);
    this.end(box);
  }

  accept() {
    this.edit((mask) => mask.add(this.state.masks.proposal));
  }

  clear() {
    this.edit((mask) => mask.clear());
  }

  undo() {
    if (this.pointer.corners.length) return this.pointer.dropCorner();
    this.step("undo");
  }

  redo() {
    this.step("redo");
  }

  step(which) {
    if (!this.mask || this.pointer.stroke) return;
    const box = this.state.history[which](this.mask);
    if (!box) return;
    this.changed(box);
    this.settled();
  }

  // ---- tools ----

  chooseTool(tool) {
    this.tool = tool;
    if (tool !== "polygon") this.pointer.dropPolygon();
    else $("hint").textContent = "Click the corners; a double click, Enter or the first corner closes.";
    for (const button of document.querySelectorAll("[data-tool]")) {
      button.setAttribute("aria-checked", String(button.dataset.tool === tool));
    }
    this.pointer.draw();
  }

  resize(radius) {
    this.radius = Math.min(Math.max(Math.round(radius), 1), 80);
    $("size").value = this.radius;
    $("size-value").textContent = 2 * this.radius;
    this.pointer.draw();
  }

  zoom(factor) {
    const { width, height } = this.stage.size;
    this.stage.zoom(factor, width / 2, height / 2);
  }

  fit() {
    this.stage.fit(this.stage.fitted === "whole" ? "object" : "whole");
  }

  // ---- preview: one request at a time, the newest paint next ----

  preview() {
    document.body.dataset.preview = "busy";
    this.wanted = true;
    if (!this.asking) this.ask();
  }

  async ask() {
    this.asking = true;
    while (this.wanted) {
      this.wanted = false;
      const views = new Set([this.active, ...this.unsaved()]);
      const masks = new Map([...views].map((view) => [view, this.open.get(view).masks.paint]));
      try {
        this.show(await server.preview(masks));
      } catch (problem) {
        this.complain(problem);
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, PREVIEW_PAUSE));
    }
    this.asking = false;
    document.body.dataset.preview = "done";
  }

  show(answer) {
    const { width, height } = this.object;
    for (const [view, bits] of Object.entries(answer.results)) {
      const bytes = Uint8Array.from(atob(bits), (letter) => letter.charCodeAt(0));
      this.open.get(Number(view)).masks.result = Mask.unpacked(width, height, bytes);
    }
    if (answer.views.length && String(this.active) in answer.results) showEffect($("effect"), answer, this.active);
    updateOthers($("others"), answer.views, this.active);
    this.stage.recompose();
    $("notice").hidden = true;
  }

  // ---- what is said ----

  refresh() {
    const unsaved = this.unsaved(), saved = this.object.views.filter(({ source }) => source === "painted");
    const idle = saved.length ? "Saved" : "Nothing painted yet";
    $("state").textContent = this.saving.busy ? "Saving" : unsaved.length ? "Not saved yet" : idle;
    $("save").disabled = !unsaved.length || this.saving.busy;
    $("undo").disabled = !this.state?.history.done.length;
    $("redo").disabled = !this.state?.history.undone.length;
    $("after").hidden = !saved.length;
    $("remove").hidden = this.known(this.active)?.source !== "painted";
    const tabs = [...new Set([...this.object.best, ...this.open.keys()])];
    $("tabs").replaceChildren(...tabs.map((view) => this.tab(view)));
  }

  tab(view) {
    const button = document.createElement("button"), small = document.createElement("small"), dot = document.createElement("i");
    const rank = this.object.best.indexOf(view), { hidden_share: share, source } = this.known(view);
    const state = this.open.get(view)?.unsaved ? "unsaved" : source === "painted" ? "saved" : "";
    dot.className = `dot ${state}`;
    dot.title = { unsaved: "not saved yet", saved: "saved", "": "" }[state];
    small.textContent = `${Math.round(100 * share)} % hidden${source === "scan" ? ", sketch of the scan" : ""}`;
    button.append(rank < 0 ? `Frame ${view}` : `View ${rank + 1}`, dot, small);
    button.dataset.view = view;
    button.title = `Frame ${view}`;
    button.setAttribute("aria-current", String(view === this.active));
    button.addEventListener("click", () => this.choose(view));
    return button;
  }

  complain(problem) {
    $("notice").textContent = problem.message;
    $("notice").hidden = false;
  }
}

server.readObject().then(
  (object) => new Page(object),
  (problem) => {
    $("notice").textContent = problem.message;
    $("notice").hidden = false;
  },
);
