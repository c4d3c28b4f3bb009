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

// ---- layers of bytes -> colours -------------------------------------------------------------------------------------
const hex = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const rgb = (color) => [1, 3, 5].map((i) => parseInt(color.trim().slice(i, i + 2), 16));
const scale = (stops) => (byte) => {
  const at = (byte / 255) * (stops.length - 1), i = Math.min(Math.floor(at), stops.length - 2);
  return stops[i].map((c, k) => c + (at - i) * (stops[i + 1][k] - c));
};
const shades = {
  evidence: () => {  // 0 guessed, 1 to 254 in-painted by confidence, 255 seen
    const [seen, inpainted, guessed] = ["--seen", "--inpainted", "--guessed"].map((n) => rgb(hex(n)));
    return (byte) => (byte === 255 ? seen : byte === 0 ? guessed : inpainted.map((c) => 255 + (0.4 + (0.6 * (byte - 1)) / 253) * (c - 255)));
  },
  error: () => scale(hex("--errors").split(",").map(rgb)),
  unseen: () => { const [seen, guessed] = ["--seen", "--guessed"].map((n) => rgb(hex(n))); return (byte) => (byte ? guessed : seen); },
};
const paintBytes = (layer, shade) => {
  const table = Array.from({ length: 256 }, (_, byte) => shade(byte)), out = new Uint8Array(3 * layer.length);
  layer.forEach((byte, i) => out.set(table[byte], 3 * i));
  return out;
};

class Pane {  // one canvas: the mesh of the run in its slot, or the truth with what that run misses
  constructor(canvas, viewer) {
    this.canvas = canvas;
    this.viewer = viewer;
    this.figure = canvas.closest("figure");
    this.slot = this.figure.dataset.slot;
    this.truth = canvas.dataset.kind === "truth";
    this.context = canvas.getContext("2d");
    this.scene = null;
    this.near = false;
  }
  get id() { return this.truth ? this.canvas.dataset.mesh : this.viewer.run(this.slot)?.dataset.mesh; }
  say(text) {
    if (!text && !this.note) return;
    this.note ??= this.canvas.parentElement.appendChild(Object.assign(document.createElement("div"), { className: "fault" }));
    this.note.textContent = text;
    this.note.hidden = !text;
  }
  async load() {
    if (this.figure.hidden || !this.near) return;
    const id = this.id, missed = this.truth ? this.viewer.run(this.slot)?.dataset.missed : undefined;
    const wanted = `${id} ${missed}`;
    if (this.wanted === wanted) return;
    this.wanted = wanted;
    this.clear();
    delete this.canvas.dataset.drawn;
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.say(id ? "" : "no mesh");
    if (!id) return;
    try {
      stage ??= open();
      const { THREE, key, sky } = await stage;
      const data = await unpack(id);
      if (missed) data.layers.error = await unpackLayer(missed);
      if (this.wanted !== wanted) return;  // something else was chosen meanwhile
      this.data = data;
      this.scene = new THREE.Scene();
      this.lights = [key, sky];
      const geometry = new THREE.BufferGeometry();
      if (this.data.faces.length) {
        const { position, normal } = corners(this.data);
        geometry.setAttribute("position", new THREE.BufferAttribute(position, 3));
        geometry.setAttribute("normal", new THREE.BufferAttribute(normal, 3));
        const material = new THREE.MeshPhongMaterial({ vertexColors: true, side: THREE.DoubleSide, shininess: 12, specular: 0x2b2b2b });
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
      this.say(`The mesh cannot be shown here: ${problem.message}`);
    }
  }
  drop() {  // the picture stays on the canvas; memory goes
    this.wanted = null;
    this.clear();
  }
  clear() {
    this.mesh?.geometry.dispose();
    this.mesh?.material.dispose();
    this.mesh = this.scene = this.data = this.painted = null;
  }
  colors(mode) {
    const { own, error, hidden } = this.data.layers;
    if (mode === "evidence" && this.truth && hidden) return paintBytes(hidden, shades.unseen());
    const layer = mode === "own" ? null : this.data.layers[mode];
    if (layer) return paintBytes(layer, shades[mode]());
    if (mode === "own") return own;
    const grey = new Uint8Array(own.length);  // nothing is known: no colour may claim otherwise
    return grey.fill(150);
  }
  paint(THREE) {
    const { mode, dim } = this.viewer, name = mode + (dim ? " hidden" : "");
    if (this.painted === name) return;
    this.painted = name;
    let color = this.colors(mode);
    const { hidden } = this.data.layers, faces = this.data.faces;
    if (dim && hidden) {
      const grey = rgb(hex("--dimmed"));
      color = color.slice();
      hidden.forEach((byte, i) => { if (!byte) color.set(grey, 3 * i); });
    }
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
    const color = hex("--grid");
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
