// ---- methods: mean or median, common or all objects ---------------------------------------------------------------
const press = (button, on) => button.setAttribute("aria-pressed", on);
const pressed = (button) => button.getAttribute("aria-pressed") === "true";
const choice = {};
const switches = [...document.querySelectorAll("[data-switch]")];
const bodies = document.querySelectorAll("#methods tbody");
const showMethods = () => bodies.forEach((body) => {
  body.hidden = switches.some((s) => body.dataset[s.dataset.switch] !== choice[s.dataset.switch]);
});
switches.forEach((group) => [...group.children].forEach((button) => {
  if (pressed(button)) choice[group.dataset.switch] = button.dataset.value;
  button.addEventListener("click", () => {
    choice[group.dataset.switch] = button.dataset.value;
    [...group.children].forEach((b) => press(b, b === button));
    showMethods();
  });
}));

// ---- objects: pictures once, bars under shares --------------------------------------------------------------------
document.querySelectorAll("img[data-of]").forEach((img) => {
  const source = document.getElementById(`${img.dataset.of}-small`);
  if (source) img.src = source.src;
});
const table = document.getElementById("overview");
const heads = [...table.tHead.rows[1].cells];
const rows = [...table.tBodies[0].rows];
heads.forEach((head, column) => {
  if (!("bar" in head.dataset)) return;
  rows.forEach((row) => {
    const share = parseFloat(row.cells[column].textContent);
    if (Number.isNaN(share)) return;
    row.cells[column].classList.add("level");
    row.cells[column].style.setProperty("--share", Math.min(Math.max(share, 0), 1));
  });
});

// ---- objects: sorting, filters, groups ----------------------------------------------------------------------------
const find = document.getElementById("find");
const grouped = document.getElementById("grouped");
const onlyFailed = document.getElementById("only-failed");
const chips = [...document.querySelectorAll("[data-chip]")];
const methodColumn = heads.findIndex((h) => h.dataset.key === "method");
const placeOf = new Map(rows.map((row) => [row, row.cells[0].firstElementChild.getAttribute("href")]));
const text = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
const original = new Map(rows.map((row, i) => [row, i]));
let order = (a, b) => original.get(a) - original.get(b);

const arrange = () => {
  const hiddenMethods = new Set(chips.filter((c) => !pressed(c)).map((c) => c.dataset.chip));
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (row) => words.every((w) => text.get(row).includes(w))
    && !(methodColumn > 0 && hiddenMethods.has(row.cells[methodColumn].dataset.sort))
    && !(onlyFailed && pressed(onlyFailed) && row.classList.contains("ok"));
  const shown = rows.filter(fits).sort(order);
  const group = grouped && grouped.checked;
  if (group) {  // the object whose first row comes first stands first
    const rank = new Map();
    shown.forEach((row) => { const p = placeOf.get(row); if (!rank.has(p)) rank.set(p, rank.size); });
    shown.sort((a, b) => rank.get(placeOf.get(a)) - rank.get(placeOf.get(b)));
  }
  rows.forEach((row) => { row.hidden = true; });
  shown.forEach((row, i) => {
    row.hidden = false;
    const again = group && i > 0 && placeOf.get(shown[i - 1]) === placeOf.get(row);
    row.classList.toggle("again", Boolean(again));
    row.classList.toggle("first", !again);
  });
  table.classList.toggle("grouped", Boolean(group));
  table.tBodies[0].append(...shown, ...rows.filter((row) => row.hidden));
  document.getElementById("count").textContent = shown.length < rows.length ? `${shown.length} of ${rows.length} runs` : "";
};

heads.forEach((head, column) => {
  const isText = head.dataset.kind === "text";
  const first = isText || "lower" in head.dataset ? "ascending" : "descending";
  const key = (row) => {
    const cell = row.cells[column], shown = cell.dataset.sort ?? cell.textContent.trim();
    return shown === "–" ? "" : shown;
  };
  const sort = () => {
    const next = head.getAttribute("aria-sort") === first ? (first === "ascending" ? "descending" : "ascending") : first;
    heads.forEach((h) => h.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", next);
    const sign = next === "ascending" ? 1 : -1;
    order = (a, b) => {
      const x = key(a), y = key(b);
      if (x === "" || y === "") return (x === "") - (y === "") || original.get(a) - original.get(b);  // unknown goes last
      return sign * (isText ? x.localeCompare(y, undefined, { numeric: true }) : x - y) || original.get(a) - original.get(b);
    };
    arrange();
  };
  head.tabIndex = 0;
  head.addEventListener("click", sort);
  head.addEventListener("keydown", (e) => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); sort(); } });
});
find.addEventListener("input", arrange);
grouped?.addEventListener("change", arrange);
[...chips, onlyFailed].forEach((b) => b?.addEventListener("click", () => { press(b, !pressed(b)); arrange(); }));
arrange();
