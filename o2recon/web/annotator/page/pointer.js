// Mouse, pen and fingers on the stage: strokes, polygons, moving and zooming, and the drawn cursor.

import { union } from "./mask.js";

const CLOSE = 10; // pixels of the screen within which a click on the first corner closes a polygon

export class Pointer {
  // `editor`: {mask, tool, radius, begin(), changed(box), end(box)}; the last three tell what a gesture does to the mask.
  constructor(canvas, stage, editor) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.stage = stage;
    this.editor = editor;
    this.fingers = new Map();
    this.corners = [];
    this.held = false; // space
    this.erasing = false; // shift
    for (const name of ["down", "move", "up", "cancel", "leave"]) {
      canvas.addEventListener(`pointer${name}`, (event) => this[name](event));
    }
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("dblclick", () => this.closePolygon());
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    stage.onmove = () => this.draw();
  }

  get busy() {
    return Boolean(this.stroke) || this.corners.length > 0;
  }

  get moving() {
    return this.held || this.editor.tool === "hand";
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  down(event) {
    if (!this.editor.mask) return;
    this.canvas.setPointerCapture(event.pointerId);
    const at = this.place(event);
    this.fingers.set(event.pointerId, at);
    if (this.fingers.size === 2) return this.pinch();
    if (this.fingers.size > 2) return;
    if (this.moving || event.button === 1) this.drag = at;
    else if (event.button === 0 && this.editor.tool === "polygon") this.corner(at);
    else if (event.button === 0) this.startStroke(at);
  }

  move(event) {
    this.cursor = this.place(event);
    const before = this.fingers.get(event.pointerId);
    if (before) {
      this.fingers.set(event.pointerId, this.cursor);
      if (this.fingers.size === 2 && this.pinched) this.movePinch();
      else if (this.drag) {
        this.stage.pan(this.cursor.x - this.drag.x, this.cursor.y - this.drag.y);
        this.drag = this.cursor;
      } else if (this.stroke) {
        const steps = event.getCoalescedEvents?.() ?? [];
        for (const step of steps.length ? steps : [event]) this.continueStroke(this.place(step));
      }
    }
    this.draw();
  }

  up(event) {
    this.fingers.delete(event.pointerId);
    if (this.stroke) this.endStroke();
    this.drag = null;
    if (this.fingers.size < 2) this.pinched = null;
    this.draw();
  }

  cancel(event) {
    this.dropStroke();
    this.up(event);
  }

  leave() {
    this.cursor = null;
    this.draw();
  }

  wheel(event) {
    event.preventDefault();
    const { x, y } = this.place(event), unit = event.deltaMode === 1 ? 30 : 1;
    this.stage.zoom(Math.exp(-event.deltaY * unit * (event.ctrlKey ? 0.01 : 0.0015)), x, y);
  }

  // ---- strokes ----

  get value() {
    return this.editor.tool === "eraser" || this.erasing ? 0 : 1;
  }

  startStroke(at) {
    const point = this.stage.toImage(at.x, at.y);
    this.editor.begin();
    this.stroke = { point, value: this.value, box: null };
    this.continueStroke(at);
  }

  continueStroke(at) {
    const point = this.stage.toImage(at.x, at.y), { stroke, editor } = this;
    const box = editor.mask.stroke(stroke.point, point, editor.radius, stroke.value);
    stroke.point = point;
    stroke.box = union(stroke.box, box);
    editor.changed(box);
  }

  endStroke() {
    const { box } = this.stroke;
    this.stroke = null;
    this.editor.end(box);
  }

  // A second finger, or the system, took over: it was no stroke.
  dropStroke() {
    if (!this.stroke) return;
    const { box } = this.stroke;
    this.stroke = null;
    this.editor.drop(box);
  }

  // ---- polygons ----

  corner(at) {
    const first = this.corners.length && this.stage.toStage(this.corners[0]);
    if (this.corners.length > 2 && Math.hypot(first.x - at.x, first.y - at.y) < CLOSE) return this.closePolygon();
    this.corners.push(this.stage.toImage(at.x, at.y));
    this.draw();
  }

  closePolygon() {
    const corners = this.corners.filter((p, i, all) => !i || Math.hypot(p.x - all[i - 1].x, p.y - all[i - 1].y) > 1e-6);
    this.corners = [];
    if (corners.length > 2) {
      this.editor.begin();
      const box = this.editor.mask.polygon(corners, this.erasing ? 0 : 1);
      this.editor.changed(box);
      this.editor.end(box);
    }
    this.draw();
  }

  dropCorner() {
    this.corners.pop();
    this.draw();
  }

  dropPolygon() {
    this.corners = [];
    this.draw();
  }

  // ---- two fingers ----

  pinch() {
    this.dropStroke();
    this.drag = null;
    if (this.corners.length && this.editor.tool === "polygon") this.corners.pop();
    this.pinched = this.spread();
  }

  spread() {
    const [a, b] = [...this.fingers.values()];
    return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, distance: Math.max(Math.hypot(a.x - b.x, a.y - b.y), 1) };
  }

  movePinch() {
    const now = this.spread();
    this.stage.pan(now.x - this.pinched.x, now.y - this.pinched.y);
    this.stage.zoom(now.distance / this.pinched.distance, now.x, now.y);
    this.pinched = now;
  }

  // ---- what is drawn over the picture ----

  draw() {
    const { canvas, context, stage } = this, ratio = window.devicePixelRatio || 1;
    const { width, height } = stage.size;
    if (canvas.width !== stage.canvas.width || canvas.height !== stage.canvas.height) {
      canvas.width = stage.canvas.width;
      canvas.height = stage.canvas.height;
    }
    const brush = ["brush", "eraser"].includes(this.editor.tool) && !this.moving;
    canvas.classList.toggle("brushing", brush);
    canvas.classList.toggle("moving", this.moving);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    if (brush && this.cursor) this.circle(this.cursor, this.editor.radius * stage.scale);
    if (this.corners.length) this.outline();
  }

  circle({ x, y }, radius) {
    for (const [color, line] of [["rgb(0 0 0 / 60%)", 3], [this.value ? "#fff" : "#ffb3a5", 1.5]]) this.line(color, line, () => {
      this.context.arc(x, y, Math.max(radius, 2), 0, 2 * Math.PI);
    });
  }

  outline() {
    const points = this.corners.map((p) => this.stage.toStage(p));
    const all = this.cursor ? [...points, this.cursor] : points;
    for (const [color, line] of [["rgb(0 0 0 / 60%)", 4], ["#12b886", 2]]) {
      this.line(color, line, () => all.forEach((p, i) => (i ? this.context.lineTo(p.x, p.y) : this.context.moveTo(p.x, p.y))));
    }
    for (const [i, p] of points.entries()) {
      this.context.fillStyle = i ? "#12b886" : "#fff";
      this.context.beginPath();
      this.context.arc(p.x, p.y, i ? 3 : 5, 0, 2 * Math.PI);
      this.context.fill();
    }
  }

  line(color, width, path) {
    this.context.strokeStyle = color;
    this.context.lineWidth = width;
    this.context.beginPath();
    path();
    this.context.stroke();
  }
}
