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
