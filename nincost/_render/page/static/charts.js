// Draws the page's Vega charts as SVG, one after the other, so that the page can be used meanwhile.
// Expressions are interpreted (`ast`), since the page's policy forbids making code from text.
"use strict";
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const { View, parse, expressionFunction, expressionInterpreter } = window.nincostVega;
  expressionFunction("size", (value) => inUnits(value, "size"));
  expressionFunction("count", (value) => inUnits(value, "count"));

  const tip = document.body.appendChild(document.createElement("div"));
  tip.id = "tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true"); // the same figures are in the page's tables

  /** Vega's tooltip handler: names and values as text, beside the pointer and inside the window. */
  function showTip(_, event, item, value) {
    tip.hidden = value == null || value === "";
    if (tip.hidden) return;
    const list = document.createElement("dl");
    for (const [name, text] of Object.entries(value)) {
      if (text === "" || text === "0 B") continue;
      list.appendChild(document.createElement("dt")).textContent = name;
      list.appendChild(document.createElement("dd")).textContent = text;
    }
    tip.replaceChildren(list);
    const { clientWidth } = document.documentElement;
    const left = Math.min(event.clientX + 14, clientWidth - tip.offsetWidth - 6);
    const below = event.clientY + 18 + tip.offsetHeight < window.innerHeight;
    const top = below ? event.clientY + 18 : Math.max(event.clientY - tip.offsetHeight - 12, 4);
    tip.style.left = `${Math.max(left, 4) + window.scrollX}px`;
    tip.style.top = `${top + window.scrollY}px`;
  }

  async function draw(id) {
    const place = document.getElementById(id);
    try {
      const view = new View(parse(charts[id], null, { ast: true }), {
        expr: expressionInterpreter, renderer: "svg", container: place, hover: true,
      });
      view.tooltip(showTip);
      await view.runAsync();
      place.dataset.drawn = "yes";
    } catch (error) {
      place.classList.add("failed");
      console.error(id, error);
    }
  }

  const wanted = Object.keys(charts);
  function next() {
    const id = wanted.shift();
    if (id) draw(id).then(() => setTimeout(next));
    else {
      performance.mark("drawn");
      document.documentElement.dataset.charts = "drawn";
    }
  }
  setTimeout(next);
})();
