// The column beside the picture: what the mask does, which layers are shown, the other views.

const LAYERS = [
  ["seen", "visible part", "what this picture shows of the object"],
  ["proposal", "proposal", "what the scan alone suggests is hidden here"],
  ["possible", "possible", "hidden, and nothing speaks against the object there"],
  ["paint", "your paint", "what is saved"],
  ["result", "result", "what a run would take as hidden here"],
];

const percent = (share) => `${Math.round(100 * share)} %`;
const element = (tag, attributes = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children);
  return made;
};

// `onchange` after a layer was switched in `shown`.
export function showLayers(root, shown, onchange) {
  root.replaceChildren(...LAYERS.map(([name, text, title]) => {
    const box = element("input", { type: "checkbox", checked: shown[name], name });
    box.addEventListener("change", () => {
      shown[name] = box.checked;
      onchange();
    });
    return element("label", { title }, box, element("i", { className: `swatch ${name}` }), text);
  }));
}

// One button for every view; `onchoose` gets its number.
export function showOthers(root, views, onchoose) {
  root.replaceChildren(...views.map(({ view, hidden_share: share }) => {
    const picture = element("img", { src: `views/${view}/thumbnail.jpg`, alt: "", loading: "lazy", draggable: false });
    const frame = element("span", { className: "frame" }, picture, element("img", { className: "overlay", alt: "" }));
    const text = element("span", { className: "text" }, element("span", {}, `frame ${view}`), element("span", { className: "number" }, percent(share)));
    const button = element("button", { title: `Paint in frame ${view}` }, frame, text);
    button.dataset.view = view;
    button.addEventListener("click", () => onchoose(view));
    return button;
  }));
}

export function updateOthers(root, views, active) {
  for (const { view, overlay, after } of views) {
    const button = root.querySelector(`[data-view="${view}"]`);
    button.querySelector(".overlay").src = overlay;
    button.querySelector(".number").textContent = percent(after);
  }
  markActive(root, active);
}

export function markActive(root, active) {
  for (const button of root.children) button.setAttribute("aria-current", String(Number(button.dataset.view) === active));
}

function shareBar(name, before, after) {
  const numbers = element("div", { className: "numbers" }, element("span", {}, name), element("b", {}, `${percent(before)} \u2192 ${percent(after)}`));
  const [now, then] = ["now", "then"].map((className) => element("i", { className }));
  now.style.transform = `scaleX(${after})`;
  then.style.transform = `scaleX(${Math.min(before, after)})`;
  return element("div", { className: "share" }, numbers, element("div", { className: "bar" }, now, then));
}

// Hidden shares before and after, and how much of the paint in the active view counts.
export function showEffect(root, answer, active) {
  const own = answer.views.find(({ view }) => view === active);
  const parts = [shareBar("hidden in this view", own.before, own.after), shareBar("hidden, all views", ...answer.mean)];
  const [painted, counts] = answer.counted[active] ?? [0, 0];
  if (painted) {
    const share = counts / painted, low = share < 0.4;
    const rest = share < 0.7 ? " The rest is the rim of strokes, or lies where a camera saw past the object." : "";
    parts.push(element("p", { className: low ? "note warn" : "note" }, `${percent(share)} of your paint here counts.${rest}`));
  } else {
    parts.push(element("p", { className: "note" }, "Nothing is painted in this view."));
  }
  root.replaceChildren(...parts);
}
