// What the page asks its server. Addresses are relative, so each carries the token of the page's own.

export class Refused extends Error {
  constructor(status, content) {
    super(content.error ?? `the server answered ${status}`);
    this.status = status;
    this.content = content;
  }
}

async function ask(address, options = {}) {
  let answer;
  try {
    answer = await fetch(address, { cache: "no-store", ...options });
  } catch {
    throw new Error("The server does not answer; was it ended? Your paint is still here, but cannot be saved.");
  }
  if (answer.ok) return answer;
  const text = await answer.text();
  let content = { error: text };
  try {
    content = JSON.parse(text);
  } catch { /* a plain line */ }
  throw new Refused(answer.status, content);
}

export const readObject = async () => (await ask("object")).json();

export async function readMasks(view) {
  const answer = await ask(`views/${view}/masks`);
  return { version: answer.headers.get("x-version"), bytes: new Uint8Array(await answer.arrayBuffer()) };
}

export async function preview(masks) {
  const views = [...masks.keys()], parts = [...masks.values()].map((mask) => mask.packed());
  return (await ask(`preview?views=${views.join(",")}`, { method: "POST", body: new Blob(parts) })).json();
}

// `version`: the one that may be replaced.
export async function save(view, mask, version) {
  const address = `views/${view}/sketch?width=${mask.width}&height=${mask.height}`;
  return (await ask(address, { method: "PUT", body: mask.packed(), headers: { "If-Match": version } })).json();
}

export async function remove(view, version) {
  return (await ask(`views/${view}/sketch`, { method: "DELETE", headers: { "If-Match": version } })).json();
}

export function readPicture(view) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error(`The picture of frame ${view} cannot be loaded.`));
    image.src = `views/${view}/picture.jpg`;
  });
}
