"use strict";
(() => {
  // ---- sorting -------------------------------------------------------------------------------------------------
  const table = document.getElementById("overview");
  const heads = [...table.tHead.rows[1].cells];
  heads.forEach((head, column) => {
    const sort = () => {
      const text = head.dataset.kind === "text";
      const first = text ? "ascending" : "descending";
      const order = head.getAttribute("aria-sort") === first ? (text ? "descending" : "ascending") : first;
      heads.forEach((h) => h.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const key = (row) => row.cells[column].dataset.sort;
      const rows = [...table.tBodies[0].rows].sort((a, b) => {
        const x = key(a), y = key(b);
        if (x === "" || y === "") return (x === "") - (y === "");  // nothing known goes last, either way
        return sign * (text ? x.localeCompare(y, undefined, { numeric: true }) : x - y);
      });
      table.tBodies[0].append(...rows);
    };
    head.tabIndex = 0;
    head.addEventListener("click", sort);
    head.addEventListener("keydown", (e) => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); sort(); } });
  });

  // ---- runs of one object ----------------------------------------------------------------------------------------
  document.querySelectorAll(".tabs").forEach((list) => {
    const tabs = [...list.children];
    const choose = (tab) => tabs.forEach((t) => {
      t.setAttribute("aria-selected", t === tab);
      t.tabIndex = t === tab ? 0 : -1;
      document.getElementById(t.getAttribute("aria-controls")).hidden = t !== tab;
    });
    tabs.forEach((tab, i) => {
      tab.addEventListener("click", () => choose(tab));
      tab.addEventListener("keydown", (e) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
        if (!step) return;
        const next = tabs[(i + step + tabs.length) % tabs.length];
        next.focus();
        choose(next);
      });
    });
  });

  // ---- payloads --------------------------------------------------------------------------------------------------
  const inflate = async (id) => {
    const bytes = Uint8Array.from(atob(document.getElementById(id).textContent.trim()), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).arrayBuffer();
  };
  const planes = (buffer, at, Kind, count, channels) => {  // differences channel by channel -> interleaved values
    const stored = new Kind(buffer, at, count * channels), out = new Kind(count * channels), last = new Kind(1);
    for (let c = 0; c < channels; c++) {
      last[0] = 0;
      for (let i = 0; i < count; i++) { last[0] += stored[c * count + i]; out[i * channels + c] = last[0]; }
    }
    return [out, at + 4 * Math.ceil((count * channels * Kind.BYTES_PER_ELEMENT) / 4)];
  };
  const unpack = async (id) => {
    const buffer = await inflate(id);
    const length = new Uint32Array(buffer, 0, 1)[0];
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
    let at = 4 + length, quantised, faces;
    [quantised, at] = planes(buffer, at, Uint16Array, head.vertices, 3);
    [faces, at] = planes(buffer, at, Uint32Array, head.faces, 3);
    const colors = {};
    for (const mode of head.modes) [colors[mode], at] = planes(buffer, at, Uint8Array, head.vertices, 3);
    const positions = Float32Array.from(quantised, (q, i) => head.low[i % 3] + (q / 65535) * head.size);
    return { positions, faces, colors };
  };

  // ---- geometry: corners with normals that are smooth on curves and sharp at edges ---------------------------------
  const CREASE = Math.cos((38 * Math.PI) / 180);
  const corners = ({ positions: p, faces: f }) => {
    const count = f.length / 3, flat = new Float32Array(f.length), unit = new Float32Array(f.length);
    const start = new Uint32Array(p.length / 3 + 1), order = new Uint32Array(f.length);
    for (let t = 0; t < count; t++) {
      const [a, b, c] = [3 * f[3 * t], 3 * f[3 * t + 1], 3 * f[3 * t + 2]];
      const ux = p[b] - p[a], uy = p[b + 1] - p[a + 1], uz = p[b + 2] - p[a + 2];
      const vx = p[c] - p[a], vy = p[c + 1] - p[a + 1], vz = p[c + 2] - p[a + 2];
      const n = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx], size = Math.hypot(...n) || 1;
      for (let k = 0; k < 3; k++) { flat[3 * t + k] = n[k]; unit[3 * t + k] = n[k] / size; start[f[3 * t + k] + 1]++; }
    }
    for (let v = 1; v < start.length; v++) start[v] += start[v - 1];
    const next = start.slice();
    for (let i = 0; i < f.length; i++) order[next[f[i]]++] = Math.floor(i / 3);
    const position = new Float32Array(3 * f.length), normal = new Float32Array(3 * f.length);
    for (let i = 0; i < f.length; i++) {
      const t = 3 * Math.floor(i / 3), v = f[i];
      let x = 0, y = 0, z = 0;
      for (let j = start[v]; j < start[v + 1]; j++) {
        const o = 3 * order[j];
        if (unit[t] * unit[o] + unit[t + 1] * unit[o + 1] + unit[t + 2] * unit[o + 2] >= CREASE || o === t) {
          x += flat[o]; y += flat[o + 1]; z += flat[o + 2];
        }
      }
      const size = Math.hypot(x, y, z) || 1;
      normal.set([x / size, y / size, z / size], 3 * i);
      position.set(p.subarray(3 * v, 3 * v + 3), 3 * i);
    }
    return { position, normal };
  };

  // ---- one renderer for all panes: each pane is a plain canvas that gets a copy of the picture ----------------------
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let stage = null;
  const open = async () => {
    const source = new TextDecoder().decode(await inflate("three"));
    new Function(source)();  // defines THREE; the library came with the page
    const THREE = globalThis.THREE;
    const renderer = new THREE.WebGLRenderer({ antialias: true, alpha: true });
    renderer.setClearColor(0, 0);
    const camera = new THREE.PerspectiveCamera(30, 1, 0.01, 200);
    camera.up.set(0, 0, 1);
    const key = new THREE.DirectionalLight(0xffffff, 0.42);
    const sky = new THREE.HemisphereLight(0xffffff, 0x9a9a9a, 0.67);
    sky.position.set(0, 0, 1);
    return { THREE, renderer, camera, key, sky };
  };

  class Pane {
    constructor(canvas, viewer) {
      this.canvas = canvas;
      this.viewer = viewer;
      this.id = canvas.dataset.mesh;
      this.context = canvas.getContext("2d");
      this.shown = false;
      this.scene = null;
    }
    async load() {
      if (this.data || this.loading) return;
      this.loading = true;
      try {
        stage ??= open();
        const { THREE, key, sky } = await stage;
        this.data = await unpack(this.id);
        this.scene = new THREE.Scene();
        this.lights = [key, sky];
        const geometry = new THREE.BufferGeometry();
        if (this.data.faces.length) {
          const { position, normal } = corners(this.data);
          geometry.setAttribute("position", new THREE.BufferAttribute(position, 3));
          geometry.setAttribute("normal", new THREE.BufferAttribute(normal, 3));
          const material = new THREE.MeshPhongMaterial({ vertexColors: true, side: THREE.DoubleSide, shininess: 12, specular: 0x161616 });
          this.mesh = new THREE.Mesh(geometry, material);
        } else {
          geometry.setAttribute("position", new THREE.BufferAttribute(this.data.positions, 3));
          this.mesh = new THREE.Points(geometry, new THREE.PointsMaterial({ vertexColors: true, size: 2, sizeAttenuation: false }));
        }
        this.scene.add(this.mesh);
        geometry.computeBoundingBox();
        this.box = geometry.boundingBox;
        this.viewer.frame(this);
        this.draw();
      } catch (problem) {
        const note = document.createElement("div");
        note.className = "fault";
        note.textContent = `The mesh cannot be shown here: ${problem.message}`;
        this.canvas.after(note);
      } finally {
        this.loading = false;
      }
    }
    drop() {  // the picture stays on the canvas; graphics memory goes
      if (!this.mesh) return;
      this.mesh.geometry.dispose();
      this.mesh.material.dispose();
      this.mesh = this.scene = this.data = this.painted = null;
    }
    paint(THREE) {
      const mode = this.data.colors[this.viewer.mode] ? this.viewer.mode : "own";
      if (this.painted === mode) return;
      this.painted = mode;
      const color = this.data.colors[mode], faces = this.data.faces;
      let out = color;
      if (faces.length) {
        out = new Uint8Array(3 * faces.length);
        for (let i = 0; i < faces.length; i++) for (let k = 0; k < 3; k++) out[3 * i + k] = color[3 * faces[i] + k];
      }
      this.mesh.geometry.setAttribute("color", new THREE.BufferAttribute(out, 3, true));
    }
    grid(THREE) {
      const { low, center, radius } = this.viewer;
      const size = 0.25 * 2 * Math.ceil((1.5 * radius) / 0.5);
      const color = getComputedStyle(document.documentElement).getPropertyValue("--grid").trim();
      const grid = new THREE.GridHelper(size, Math.round(size / 0.25), color, color);
      grid.rotation.x = Math.PI / 2;
      grid.position.set(center.x, center.y, low - 0.002);
      return grid;
    }
    async draw() {
      if (!this.scene || !this.canvas.offsetWidth) return;
      const { THREE, renderer, camera } = await stage;
      if (!this.scene) return;
      const ratio = Math.min(devicePixelRatio || 1, 2);
      const width = Math.round(this.canvas.offsetWidth * ratio), height = Math.round(this.canvas.offsetHeight * ratio);
      if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
      this.paint(THREE);
      this.viewer.place(camera, width / height);
      const grid = this.grid(THREE), [key, sky] = this.lights;
      key.position.copy(camera.position).sub(this.viewer.target).applyAxisAngle(camera.up, 0.5).add(this.viewer.target);
      key.target.position.copy(this.viewer.target);
      this.scene.add(grid, key, key.target, sky);
      renderer.setSize(width, height, false);
      renderer.render(this.scene, camera);
      this.context.clearRect(0, 0, width, height);
      this.context.drawImage(renderer.domElement, 0, 0);
      this.scene.remove(grid);
      grid.geometry.dispose();
      grid.material.dispose();
      this.canvas.dataset.drawn = this.painted;
    }
  }

  class Viewer {  // the panes of one run: one camera, one colouring
    constructor(root) {
      this.root = root;
      this.mode = "own";
      this.first = Number(root.closest("article").dataset.azimuth);
      this.panes = [...root.querySelectorAll("canvas")].map((c) => new Pane(c, this));
      this.pointers = new Map();
      this.reset();
      root.querySelectorAll("[data-mode]").forEach((b) => b.addEventListener("click", () => this.choose(b.dataset.mode)));
      root.querySelector(".reset")?.addEventListener("click", () => { this.reset(); this.draw(); });
      this.panes.forEach((pane) => this.listen(pane.canvas));
    }
    reset() { Object.assign(this, { azimuth: this.first + 0.35, elevation: 0.42, zoom: 1, shift: [0, 0] }); }
    choose(mode) {
      this.mode = mode;
      this.root.querySelectorAll("[data-mode]").forEach((b) => b.setAttribute("aria-pressed", b.dataset.mode === mode));
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

  const viewers = [...document.querySelectorAll(".run")].map((root) => new Viewer(root));
  const panes = new Map(viewers.flatMap((v) => v.panes.map((p) => [p.canvas, p])));
  const near = new IntersectionObserver((entries) => entries.forEach((e) => (e.isIntersecting ? panes.get(e.target).load() : panes.get(e.target).drop())), { rootMargin: "400px" });
  const resized = new ResizeObserver((entries) => entries.forEach((e) => panes.get(e.target).draw()));
  panes.forEach((pane, canvas) => { near.observe(canvas); resized.observe(canvas); });
  dark.addEventListener("change", () => viewers.forEach((v) => v.draw()));
})();
