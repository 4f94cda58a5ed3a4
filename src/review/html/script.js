"use strict";
// The page can be read without this: it filters, folds, and unfolds for links and for printing.
(() => {
  const tools = document.getElementById("tools");
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  const unfold = () => all("details").forEach((details) => { details.open = true; });
  addEventListener("beforeprint", unfold);

  const openTarget = () => {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (target && target.tagName === "DETAILS") {
      target.open = true;
      target.querySelector("summary").focus();
    }
  };
  addEventListener("hashchange", openTarget);
  openTarget();

  if (!tools) return;
  const filter = document.getElementById("filter");
  const risks = document.getElementById("risks");
  const found = document.getElementById("found");
  const blocks = all("details.block").map((element) => ({
    element,
    title: element.querySelector("h3").textContent.toLowerCase(),
    effects: all(".effect", element).map((effect) => ({
      element: effect,
      isRisk: effect.classList.contains("risky"),
      changes: all(".change", effect),
    })),
  }));
  const texts = new WeakMap();
  const text = (element) => {
    if (!texts.has(element)) texts.set(element, element.textContent.toLowerCase());
    return texts.get(element);
  };

  const apply = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    let total = 0;
    for (const block of blocks) {
      let inBlock = 0;
      for (const effect of block.effects) {
        let inEffect = 0;
        for (const change of effect.changes) {
          const isFound = (!risks.checked || effect.isRisk)
            && words.every((word) => block.title.includes(word) || text(change).includes(word));
          change.hidden = !isFound;
          inEffect += isFound ? 1 : 0;
        }
        effect.element.hidden = inEffect === 0;
        total += effect.changes.length;
        inBlock += inEffect;
      }
      block.element.hidden = inBlock === 0;
      if (words.length > 0 && inBlock > 0 && count < 300) block.element.open = true;
      count += inBlock;
    }
    found.textContent = words.length > 0 || risks.checked ? `${count} of ${total} shown` : "";
  };

  let waiting = 0;
  filter.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(apply, 150);
  });
  risks.addEventListener("change", apply);
  document.getElementById("expand").addEventListener("click", unfold);
  document.getElementById("collapse").addEventListener("click", () => {
    blocks.forEach((block) => { block.element.open = false; });
  });
  tools.hidden = false;
})();
