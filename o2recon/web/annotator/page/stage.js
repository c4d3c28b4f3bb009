// The picture with its masks, zoomed and moved: where image pixels are on the screen, and how they look.

import { union } from "./mask.js";

const COLORS = { seen: [214, 96, 77], proposal: [244, 196, 96], possible: [70, 140, 200], paint: [18, 184, 134], result: [255, 255, 255] };
const DARK = [20, 20, 20];
const FILL = { seen: 0.25, proposal: 0.3, paint: 0.5 };
const EDGE = { seen: 0.75, proposal: 0.95, paint: 1, result: 0.95 };
const ORDER = ["possible", "seen", "proposal", "paint", "result"];
const MAX_ZOOM = 24;

export class Stage {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.overlay = document.createElement("canvas");
    this.scale = 1;
    this.x = 0;
    this.y = 0;
    this.shown = { seen: true, proposal: true, possible: false, paint: true, result: true };
    this.bare = false;
    new ResizeObserver(() => this.resize()).observe(canvas);
  }

  // `masks`: by layer. `fit`: bring the object's part of the picture into view.
  show(image, masks, fit) {
    this.image = image;
    this.masks = masks;
    const { width, height } = masks.paint;
    this.overlay.width = width;
    this.overlay.height = height;
    this.pixels = new ImageData(width, height);
    this.compose(masks.paint.whole());
    if (fit) this.fit("object");
  }

  resize() {
    const box = this.canvas.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
    const untouched = this.fitted;
    this.canvas.width = Math.max(Math.round(box.width * ratio), 1);
    this.canvas.height = Math.max(Math.round(box.height * ratio), 1);
    if (untouched) this.fit(untouched);
    this.draw();
  }

  get size() {
    const ratio = window.devicePixelRatio || 1;
    return { width: this.canvas.width / ratio, height: this.canvas.height / ratio };
  }

  // The whole picture, or the object with some surroundings.
  fit(what) {
    if (!this.masks) return;
    const { width, height } = this.masks.paint, size = this.size, margin = 12;
    const scale = ([w, h]) => Math.min((size.width - 2 * margin) / w, (size.height - 2 * margin) / h);
    this.least = scale([width, height]) / 2;
    const box = what === "object" ? this.objectBox() : this.masks.paint.whole();
    this.scale = Math.min(scale([box.right - box.left, box.bottom - box.top]), MAX_ZOOM);
    this.x = (size.width - this.scale * (box.left + box.right)) / 2;
    this.y = (size.height - this.scale * (box.top + box.bottom)) / 2;
    this.fitted = what;
    this.moved();
  }

  // Visible, proposed and painted parts, a quarter wider; the whole picture when there are none.
  objectBox() {
    const { seen, proposal, paint } = this.masks, whole = paint.whole();
    const boxes = [seen, proposal, paint].map((mask) => mask.box()).filter(Boolean);
    if (!boxes.length) return whole;
    const box = boxes.reduce(union), extra = Math.max(box.right - box.left, box.bottom - box.top) / 8;
    return {
      left: Math.max(box.left - extra, 0), top: Math.max(box.top - extra, 0),
      right: Math.min(box.right + extra, whole.right), bottom: Math.min(box.bottom + extra, whole.bottom),
    };
  }

  // By a factor, keeping the image point under (x, y) of the stage where it is.
  zoom(factor, x, y) {
    const scale = Math.min(Math.max(this.scale * factor, this.least), MAX_ZOOM);
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.fitted = false;
    this.moved();
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.fitted = false;
    this.moved();
  }

  moved() {
    Object.assign(this.canvas.dataset, { scale: this.scale, x: this.x, y: this.y });
    this.onmove?.();
    this.draw();
  }

  toImage(x, y) {
    return { x: (x - this.x) / this.scale, y: (y - this.y) / this.scale };
  }

  toStage(point) {
    return { x: point.x * this.scale + this.x, y: point.y * this.scale + this.y };
  }

  // Colours of the masks inside the box, one pixel wider for edges.
  compose(box) {
    const { width, height } = this.masks.paint, data = this.pixels.data;
    const left = Math.max(box.left - 1, 0), right = Math.min(box.right + 1, width);
    const top = Math.max(box.top - 1, 0), bottom = Math.min(box.bottom + 1, height);
    const layers = ORDER.filter((name) => this.shown[name] && this.masks[name]);
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        const i = y * width + x;
        let r = 0, g = 0, b = 0, a = 0;
        for (const name of layers) {
          const mask = this.masks[name].data;
          if (!mask[i]) continue;
          const edge = (x > 0 && !mask[i - 1]) || (x + 1 < width && !mask[i + 1]) ||
            (y > 0 && !mask[i - width]) || (y + 1 < height && !mask[i + width]);
          const alpha = edge ? EDGE[name] ?? 0.6 : name === "possible" ? ((x + y) % 5 === 0 ? 0.6 : 0.08) : FILL[name] ?? 0;
          if (!alpha) continue;
          const dark = name === "result" && (x + y) & 4; // dashes that show on bright and dark pictures
          const color = dark ? DARK : COLORS[name], total = alpha + a * (1 - alpha), rest = (a * (1 - alpha)) / total;
          r = (color[0] * alpha) / total + r * rest;
          g = (color[1] * alpha) / total + g * rest;
          b = (color[2] * alpha) / total + b * rest;
          a = total;
        }
        data[4 * i] = r;
        data[4 * i + 1] = g;
        data[4 * i + 2] = b;
        data[4 * i + 3] = 255 * a;
      }
    }
    const context = this.overlay.getContext("2d");
    if (right > left && bottom > top) context.putImageData(this.pixels, 0, 0, left, top, right - left, bottom - top);
    this.draw();
  }

  recompose() {
    if (this.masks) this.compose(this.masks.paint.whole());
  }

  draw() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      const { context, canvas } = this, ratio = window.devicePixelRatio || 1;
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, canvas.width, canvas.height);
      if (!this.image) return;
      context.setTransform(ratio * this.scale, 0, 0, ratio * this.scale, ratio * this.x, ratio * this.y);
      context.imageSmoothingEnabled = this.scale < 4;
      context.drawImage(this.image, 0, 0, this.overlay.width, this.overlay.height);
      context.imageSmoothingEnabled = this.scale < 1;
      if (!this.bare) context.drawImage(this.overlay, 0, 0);
    });
  }
}
