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
  const layers = {};
  for (const [name, channels] of Object.entries(head.layers)) [layers[name], at] = planes(buffer, at, Uint8Array, head.vertices, channels);
  const positions = Float32Array.from(quantised, (q, i) => head.low[i % 3] + (q / 65535) * head.size);
  return { positions, faces, layers };
};
const unpackLayer = async (id) => {
  const buffer = await inflate(id);
  return planes(buffer, 0, Uint8Array, buffer.byteLength, 1)[0];  // padding at the end is never read
};
