// ---- the panes of one object: one camera, one colouring, one run or two beside each other ---------------------------
class Viewer {
  constructor(root) {
    this.root = root;
    this.mode = "own";
    this.dim = false;
    this.first = Number(root.dataset.azimuth);
    this.runs = [...root.querySelectorAll(".run")];
    this.choices = [...root.querySelectorAll("select[data-slot]")];
    this.panes = [...root.querySelectorAll("canvas")].map((c) => new Pane(c, this));
    this.pointers = new Map();
    this.reset();
    root.querySelectorAll("[data-mode]").forEach((b) => b.addEventListener("click", () => this.color(b.dataset.mode)));
    root.querySelector("[data-dim]")?.addEventListener("click", (e) => {
      this.dim = !this.dim;
      press(e.target, this.dim);
      this.draw();
    });
    root.querySelector(".reset")?.addEventListener("click", () => { this.reset(); this.draw(); });
    this.choices.forEach((c) => c.addEventListener("change", () => this.choose()));
    this.panes.forEach((pane) => this.listen(pane.canvas));
    this.choose();
  }
  run(slot) {
    if (!this.choices.length) return slot === "a" ? this.runs[0] : null;
    const row = this.choices.find((c) => c.dataset.slot === slot).value;
    return row ? document.getElementById(`run-${row}`) : null;
  }
  name(slot) { return this.choices.find((c) => c.dataset.slot === slot)?.selectedOptions[0].textContent; }
  choose() {
    const [a, b] = [this.run("a"), this.run("b")];
    this.runs.forEach((run) => { run.hidden = run !== a && run !== b; run.style.order = run === a ? 0 : 1; });
    this.root.classList.toggle("two", Boolean(b && b !== a));
    this.panes.forEach((pane) => {
      pane.figure.hidden = pane.slot === "b" && (!b || b === a);
      if (this.choices.length) pane.figure.lastElementChild.textContent = pane.truth ? `Ground truth, against ${this.name(pane.slot)}` : this.name(pane.slot);
      pane.load();
    });
  }
  show(row) {
    if (!this.choices.length) return;
    this.choices[0].value = row;
    this.choose();
  }
  reset() { Object.assign(this, { azimuth: this.first + 0.35, elevation: 0.42, zoom: 1, shift: [0, 0] }); }
  color(mode) {
    this.mode = mode;
    this.root.querySelectorAll("[data-mode]").forEach((b) => press(b, b.dataset.mode === mode));
    this.root.querySelectorAll("[data-key]").forEach((k) => { k.hidden = k.dataset.key !== mode; });
    this.draw();
  }
  frame(pane) {
    this.box = this.box ? this.box.union(pane.box) : pane.box.clone();
    const { min, max } = this.box;
    this.center = min.clone().add(max).multiplyScalar(0.5);
    this.radius = Math.max(max.distanceTo(min) / 2, 0.01);
    this.low = min.z;
    if (this.panes.filter((p) => p.scene).length > 1) this.draw();
  }
  place(camera, aspect) {
    camera.aspect = aspect;
    const half = Math.tan((camera.fov * Math.PI) / 360) * Math.min(1, aspect);
    const distance = (0.93 * this.radius) / Math.sin(Math.atan(half)) / this.zoom;
    const c = Math.cos(this.elevation);
    camera.position.set(Math.cos(this.azimuth) * c, Math.sin(this.azimuth) * c, Math.sin(this.elevation)).multiplyScalar(distance);
    camera.near = Math.max(distance - 4 * this.radius, distance / 100);
    camera.far = distance + 6 * this.radius;
    const right = camera.position.clone().set(-Math.sin(this.azimuth), Math.cos(this.azimuth), 0);
    const up = camera.position.clone().normalize().cross(right);
    this.target = this.center.clone().addScaledVector(right, this.shift[0] * this.radius).addScaledVector(up, this.shift[1] * this.radius);
    camera.position.add(this.target);
    camera.lookAt(this.target);
    camera.updateProjectionMatrix();
  }
  turn(dx, dy) {
    this.azimuth -= dx;
    this.elevation = Math.max(-1.5, Math.min(1.5, this.elevation + dy));
  }
  scale(factor) { this.zoom = Math.max(0.3, Math.min(12, this.zoom * factor)); }
  move(dx, dy, size) { this.shift[0] -= (2.2 * dx) / size / this.zoom; this.shift[1] += (2.2 * dy) / size / this.zoom; }
  draw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => { this.waiting = false; this.panes.forEach((p) => p.draw()); });
  }
  listen(canvas) {
    const size = () => Math.min(canvas.clientWidth, canvas.clientHeight);
    canvas.addEventListener("pointerdown", (e) => { canvas.setPointerCapture(e.pointerId); this.pointers.set(e.pointerId, e); canvas.focus({ preventScroll: true }); });
    const end = (e) => this.pointers.delete(e.pointerId);
    canvas.addEventListener("pointerup", end);
    canvas.addEventListener("pointercancel", end);
    canvas.addEventListener("pointermove", (e) => {
      const before = this.pointers.get(e.pointerId);
      if (!before) return;
      const dx = e.clientX - before.clientX, dy = e.clientY - before.clientY;
      if (this.pointers.size === 2) {
        const other = [...this.pointers.values()].find((p) => p.pointerId !== e.pointerId);
        const spread = (p) => Math.hypot(p.clientX - other.clientX, p.clientY - other.clientY) || 1;
        this.scale(spread(e) / spread(before));
        this.move(dx / 2, dy / 2, size());
      } else if (e.buttons & 2 || e.shiftKey) this.move(dx, dy, size());
      else this.turn((3.6 * dx) / size(), (3.6 * dy) / size());
      this.pointers.set(e.pointerId, e);
      this.draw();
    });
    canvas.addEventListener("wheel", (e) => {  // only after a click on the mesh: scrolling the page stays scrolling
      if (document.activeElement !== canvas && !e.ctrlKey) return;
      e.preventDefault();
      this.scale(Math.exp(-e.deltaY * 0.0014));
      this.draw();
    }, { passive: false });
    canvas.addEventListener("contextmenu", (e) => e.preventDefault());
    canvas.addEventListener("dblclick", () => { this.reset(); this.draw(); });
    canvas.addEventListener("keydown", (e) => {
      const act = { ArrowLeft: () => this.turn(-0.12, 0), ArrowRight: () => this.turn(0.12, 0), ArrowUp: () => this.turn(0, 0.1), ArrowDown: () => this.turn(0, -0.1), "+": () => this.scale(1.15), "-": () => this.scale(1 / 1.15) }[e.key];
      if (!act) return;
      e.preventDefault();
      act();
      this.draw();
    });
  }
}

const viewers = [...document.querySelectorAll("article.object")].map((root) => new Viewer(root));
const panes = new Map(viewers.flatMap((v) => v.panes.map((p) => [p.canvas, p])));
const near = new IntersectionObserver((entries) => entries.forEach((e) => {
  const pane = panes.get(e.target);
  pane.near = e.isIntersecting;
  if (pane.near) pane.load(); else pane.drop();
}), { rootMargin: "400px" });
const resized = new ResizeObserver((entries) => entries.forEach((e) => panes.get(e.target).draw()));
panes.forEach((pane, canvas) => { near.observe(canvas); resized.observe(canvas); });
dark.addEventListener("change", () => viewers.forEach((v) => { v.panes.forEach((p) => { p.painted = null; }); v.draw(); }));
document.querySelectorAll("a[data-run]").forEach((link) => link.addEventListener("click", () => {
  viewers.find((v) => `#${v.root.id}` === link.getAttribute("href"))?.show(link.dataset.run);
}));
