// A binary mask and the shapes that are painted into it. A pixel belongs to a shape when its centre does.

export class Mask {
  constructor(width, height, data = new Uint8Array(width * height)) {
    this.width = width;
    this.height = height;
    this.data = data;
  }

  // From bits: row after row, the highest bit of a byte first.
  static unpacked(width, height, bytes) {
    const data = new Uint8Array(width * height);
    for (let i = 0; i < data.length; i++) data[i] = (bytes[i >> 3] >> (7 - (i & 7))) & 1;
    return new Mask(width, height, data);
  }

  packed() {
    const bytes = new Uint8Array((this.data.length + 7) >> 3);
    for (let i = 0; i < this.data.length; i++) if (this.data[i]) bytes[i >> 3] |= 128 >> (i & 7);
    return bytes;
  }

  copy() {
    return new Mask(this.width, this.height, this.data.slice());
  }

  count() {
    let sum = 0;
    for (const value of this.data) sum += value;
    return sum;
  }

  equals(other) {
    return this.data.every((value, i) => value === other.data[i]);
  }

  // All pixels within `radius` of the segment from a to b; returns the box that may have changed.
  stroke(a, b, radius, value) {
    const box = this.clipped(
      Math.min(a.x, b.x) - radius, Math.min(a.y, b.y) - radius, Math.max(a.x, b.x) + radius, Math.max(a.y, b.y) + radius,
    );
    const dx = b.x - a.x, dy = b.y - a.y, squared = dx * dx + dy * dy;
    for (let row = box.top; row < box.bottom; row++) {
      for (let column = box.left; column < box.right; column++) {
        const px = column + 0.5 - a.x, py = row + 0.5 - a.y;
        const t = squared ? Math.min(Math.max((px * dx + py * dy) / squared, 0), 1) : 0;
        const ex = px - t * dx, ey = py - t * dy;
        if (ex * ex + ey * ey <= radius * radius) this.data[row * this.width + column] = value;
      }
    }
    return box;
  }

  // The inside of a polygon, by the even-odd rule.
  polygon(points, value) {
    const xs = points.map((p) => p.x), ys = points.map((p) => p.y);
    const box = this.clipped(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys));
    for (let row = box.top; row < box.bottom; row++) {
      const y = row + 0.5, crossings = [];
      points.forEach((p, i) => {
        const q = points[(i + 1) % points.length];
        if (p.y <= y !== q.y <= y) crossings.push(p.x + ((y - p.y) / (q.y - p.y)) * (q.x - p.x));
      });
      crossings.sort((p, q) => p - q);
      for (let i = 0; i + 1 < crossings.length; i += 2) {
        const from = Math.max(Math.ceil(crossings[i] - 0.5), 0);
        const to = Math.min(Math.ceil(crossings[i + 1] - 0.5), this.width);
        if (to > from) this.data.fill(value, row * this.width + from, row * this.width + to);
      }
    }
    return box;
  }

  add(other) {
    for (let i = 0; i < this.data.length; i++) this.data[i] |= other.data[i];
    return this.whole();
  }

  clear() {
    this.data.fill(0);
    return this.whole();
  }

  // The smallest box around what is set; null for an empty mask.
  box() {
    const box = { left: this.width, top: this.height, right: 0, bottom: 0 };
    for (let y = 0; y < this.height; y++) {
      const row = this.data.subarray(y * this.width, (y + 1) * this.width), first = row.indexOf(1);
      if (first < 0) continue;
      box.left = Math.min(box.left, first);
      box.right = Math.max(box.right, row.lastIndexOf(1) + 1);
      box.top = Math.min(box.top, y);
      box.bottom = y + 1;
    }
    return box.bottom ? box : null;
  }

  whole() {
    return { left: 0, top: 0, right: this.width, bottom: this.height };
  }

  cut({ left, top, right, bottom }) {
    const part = new Uint8Array((right - left) * (bottom - top));
    for (let row = top; row < bottom; row++) {
      const start = row * this.width;
      part.set(this.data.subarray(start + left, start + right), (row - top) * (right - left));
    }
    return part;
  }

  paste({ left, top, right, bottom }, part) {
    const width = right - left;
    for (let row = top; row < bottom; row++) {
      this.data.set(part.subarray((row - top) * width, (row - top + 1) * width), row * this.width + left);
    }
  }

  clipped(left, top, right, bottom) {
    const within = (value, limit) => Math.min(Math.max(value, 0), limit);
    return {
      left: within(Math.floor(left), this.width), top: within(Math.floor(top), this.height),
      right: within(Math.ceil(right) + 1, this.width), bottom: within(Math.ceil(bottom) + 1, this.height),
    };
  }
}

export function union(a, b) {
  if (!a) return b;
  return {
    left: Math.min(a.left, b.left), top: Math.min(a.top, b.top),
    right: Math.max(a.right, b.right), bottom: Math.max(a.bottom, b.bottom),
  };
}

// Steps back and forth: of every change the box, before and after.
export class History {
  constructor(limit = 300) {
    this.limit = limit;
    this.done = [];
    this.undone = [];
  }

  // `before`: a copy of the mask from before the change.
  record(before, mask, box) {
    const change = { box, before: before.cut(box), after: mask.cut(box) };
    if (change.before.every((value, i) => value === change.after[i])) return false;
    this.done.push(change);
    if (this.done.length > this.limit) this.done.shift();
    this.undone = [];
    return true;
  }

  undo(mask) {
    return this.move(this.done, this.undone, "before", mask);
  }

  redo(mask) {
    return this.move(this.undone, this.done, "after", mask);
  }

  move(from, to, which, mask) {
    const change = from.pop();
    if (!change) return null;
    mask.paste(change.box, change[which]);
    to.push(change);
    return change.box;
  }
}
