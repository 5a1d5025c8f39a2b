// The layer tables: sorts, filters and folds the rows that the page came with, and adds up those
// that are shown. No row is made here; without scripts every row is shown.
"use strict";
document.documentElement.classList.add("js");
const CHINESE = document.documentElement.lang === "zh";

const UNITS = { size: [1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]],
  count: [1000, ["", "k", "M", "G", "T", "P", "E"]] };

/** A number as the rest of the page writes it: `12.06 MiB`, `762.3 M`. */
function inUnits(value, kind) {
  const [step, names] = UNITS[kind];
  let scaled = Math.abs(value), power = 0;
  while (scaled >= step - 0.05 && power < names.length - 1) { scaled /= step; power += 1; }
  const digits = power === 0 ? 0 : scaled < 10 ? 3 : scaled < 100 ? 2 : 1;
  return `${value < 0 ? "-" : ""}${scaled.toFixed(digits)} ${names[power]}`.trim();
}

/** A cell's number: its data-v where it is written in units, else its text without commas. */
function numberIn(cell) {
  const text = cell.dataset.v ?? cell.textContent.replaceAll(",", "");
  return text === "" ? NaN : Number(text);
}

function layerTable(table) {
  const body = table.tBodies[0], foot = table.tFoot.rows[0];
  const heads = [...table.tHead.rows[0].cells];
  const texts = heads.flatMap((th, column) => (th.dataset.kind === "text" ? [column] : []));
  const rows = [...body.rows].map((tr, place) => ({
    tr, place, depth: Number(tr.dataset.d), group: tr.classList.contains("g"), matches: true,
    text: texts.map((column) => tr.cells[column].textContent).join(" ").toLowerCase(),
    button: tr.querySelector("button"), values: null,
  }));
  const leaves = rows.filter((row) => !row.group);
  const sums = heads.map((th, column) => (th.dataset.sum ? column : -1)).filter((c) => c >= 0);
  const scope = table.closest("section");
  const filter = scope.querySelector("input[type=search]"), said = scope.querySelector("output");
  const differing = scope.querySelector("[data-do=differing]");
  let sorted = -1, descending = false;

  const valuesOf = (row) => (row.values ??= heads.map((th, column) =>
    th.dataset.kind === "text" ? row.tr.cells[column].textContent : numberIn(row.tr.cells[column])));

  /** Shows what matches the filter and is not folded away, and adds it up. */
  function show() {
    const flat = sorted >= 0 || filter.value.trim() !== "" || Boolean(differing?.checked);
    table.classList.toggle("flat", flat);
    let folded = Infinity, shown = 0;
    for (const row of rows) {
      let hidden;
      if (flat) hidden = row.group || !row.matches;
      else {
        if (row.depth <= folded) folded = Infinity;
        hidden = row.depth > folded;
        if (row.group && !hidden && row.button.ariaExpanded === "false") folded = row.depth;
      }
      if (row.tr.hidden !== hidden) row.tr.hidden = hidden;
    }
    const totals = sums.map(() => 0);
    for (const row of leaves) {
      if (!row.matches) continue;
      shown += 1;
      sums.forEach((column, place) => { totals[place] += valuesOf(row)[column]; });
    }
    sums.forEach((column, place) => {
      const cell = foot.cells[column], total = totals[place];
      const kind = heads[column].dataset.kind;
      cell.dataset.v = total;
      const sign = !kind.startsWith("signed") ? "" : total > 0 ? "+" : total < 0 ? "\u2212" : "";
      const amount = sign ? Math.abs(total) : total;
      cell.textContent = sign + (kind.endsWith("exact") ? amount.toLocaleString("en-US")
        : inUnits(amount, kind.replace("signed-", "")));
    });
    const count = shown.toLocaleString("en-US");
    foot.cells[0].textContent = shown === leaves.length ? (CHINESE ? "合计" : "Total")
      : CHINESE ? `${count} 行合计` : `Total of ${count} rows`;
    tell(shown);
  }

  function tell(shown) {
    const [some, all] = [shown, leaves.length].map((count) => count.toLocaleString("en-US"));
    const match = shown < leaves.length;
    said.textContent = CHINESE ? `${match ? "符合 " : ""}${some} / ${all} 行`
      : `${some} of ${all} rows${match ? " match" : ""}`;
  }

  function sortBy(column) {
    const isText = heads[column].dataset.kind === "text";
    // Numbers begin with the largest; a third press goes back to the order of execution.
    if (sorted !== column) { sorted = column; descending = !isText; }
    else if (descending !== isText) descending = isText;
    else sorted = -1;
    heads.forEach((th, place) => {
      if (place === sorted) th.ariaSort = descending ? "descending" : "ascending";
      else th.removeAttribute("aria-sort");
    });
    const order = sorted < 0 ? rows : leaves.toSorted((a, b) => {
      const [x, y] = [valuesOf(a)[column], valuesOf(b)[column]];
      const way = isText ? x.localeCompare(y, "en", { numeric: true })
        : (Number.isNaN(x) ? -Infinity : x) - (Number.isNaN(y) ? -Infinity : y);
      return (descending ? -way : way) || a.place - b.place;
    });
    show();
    body.append(...order.map((row) => row.tr));
  }

  /** Folds every module from a depth on, and opens those above. */
  function fold(depth) {
    for (const row of rows) if (row.group) row.button.ariaExpanded = String(row.depth < depth);
    show();
  }

  heads.forEach((th, column) => {
    th.querySelector("button")?.addEventListener("click", () => sortBy(column));
  });
  body.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    button.ariaExpanded = String(button.ariaExpanded === "false");
    show();
  });
  function match() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      row.matches = words.every((word) => row.text.includes(word)) &&
        !(differing?.checked && row.tr.classList.contains("same"));
    }
    show();
  }
  filter.addEventListener("input", match);
  differing?.addEventListener("change", match);
  scope.querySelector("[data-do=open]")?.addEventListener("click", () => fold(Infinity));
  scope.querySelector("[data-do=close]")?.addEventListener("click", () => fold(1));
  tell(leaves.length); // the page comes folded and added up
}

document.querySelectorAll("table.layers").forEach(layerTable);
