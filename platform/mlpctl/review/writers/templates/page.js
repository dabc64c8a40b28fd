"use strict";
(() => {
  const one = (selector) => document.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  const theme = one("#theme");
  const dark = () => {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };
  // A page opened as a file may have no local storage.
  const remembered = (value) => {
    try {
      if (value) localStorage.setItem("theme", value);
      return localStorage.getItem("theme");
    } catch {
      return null;
    }
  };
  const setTheme = (value) => { document.documentElement.dataset.theme = value; };
  if (["light", "dark"].includes(remembered())) setTheme(remembered());
  const otherTheme = () => { setTheme(dark() ? "light" : "dark"); remembered(document.documentElement.dataset.theme); };
  theme.addEventListener("click", otherTheme);

  const help = one("#help");
  one("#help-open").addEventListener("click", () => help.showModal());

  const groups = all(".group").map((element) => ({
    element,
    rows: all(".row", element).map((row) => ({ element: row, text: null })),
    title: element.querySelector("summary").textContent.toLowerCase(),
    wasOpen: element.open,
  }));
  const search = one("#search"), harm = one("#harm"), component = one("#component"), fold = one("#fold");
  const toggles = all(".toggle"), none = one("#none"), shown = one("#shown");
  const total = groups.reduce((sum, group) => sum + group.rows.length, 0);
  let visible = [], wasFiltered = false;

  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const ops = new Set(toggles.filter((each) => each.ariaPressed === "true").map((each) => each.dataset.op));
    const wantedHarm = harm?.value ?? "", wantedGroup = component?.value ?? "";
    const filtered = Boolean(words.length || ops.size || wantedHarm || wantedGroup);
    visible = [];
    for (const group of groups) {
      let count = 0;
      const inGroup = !wantedGroup || group.element.id === wantedGroup;
      for (const row of group.rows) {
        const data = row.element.dataset;
        let fits = inGroup && (!ops.size || ops.has(data.op)) && (!wantedHarm || data.harm === wantedHarm);
        if (fits && words.length) {
          row.text ??= `${group.title} ${row.element.textContent.toLowerCase()}`;
          fits = words.every((word) => row.text.includes(word));
        }
        row.element.hidden = !fits;
        if (fits) {
          count += 1;
          visible.push(row.element);
        }
      }
      group.element.hidden = !count;
      if (filtered && !wasFiltered) group.wasOpen = group.element.open;
      if (filtered && count) group.element.open = true;
      if (!filtered && wasFiltered) group.element.open = group.wasOpen;
    }
    wasFiltered = filtered;
    none.hidden = visible.length > 0;
    const number = (count) => count.toLocaleString("en-US");
    shown.value = filtered ? `${number(visible.length)} of ${number(total)}` : `${number(total)} in total`;
    foldWords();
  };
  const reset = () => {
    search.value = "";
    if (harm) harm.value = "";
    if (component) component.value = "";
    toggles.forEach((each) => { each.ariaPressed = "false"; });
    filter();
  };

  const seen = () => groups.filter((group) => !group.element.hidden);
  const anyOpen = () => seen().some((group) => group.element.open);
  const foldWords = () => { fold.textContent = anyOpen() ? "Collapse all" : "Expand all"; };
  const foldAll = () => {
    const open = !anyOpen();
    seen().forEach((group) => { group.element.open = open; });
    foldWords();
  };

  const show = (row) => {
    row.closest(".group").open = true;
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
    foldWords();
  };
  const step = (by) => {
    const here = visible.indexOf(document.activeElement.closest?.(".row"));
    const next = here < 0 ? (by > 0 ? 0 : visible.length - 1) : Math.min(visible.length - 1, Math.max(0, here + by));
    if (visible[next]) show(visible[next]);
  };
  const foldOne = () => {
    const group = document.activeElement.closest?.(".group");
    if (!group) return;
    group.open = !group.open;
    group.querySelector("summary").focus();
    foldWords();
  };
  const follow = () => {
    const target = /^#[rg]\d+$/.test(location.hash) && one(location.hash);
    if (!target) return;
    if (target.hidden || target.closest("[hidden]")) reset();
    target.closest(".group").open = true;
    target.scrollIntoView();
    foldWords();
  };
  addEventListener("hashchange", follow);

  if (groups.length) {
    let due = 0;
    const soon = () => { cancelAnimationFrame(due); due = requestAnimationFrame(filter); };
    search.addEventListener("input", soon);
    harm?.addEventListener("change", filter);
    component?.addEventListener("change", filter);
    toggles.forEach((each) => each.addEventListener("click", () => {
      each.ariaPressed = String(each.ariaPressed !== "true");
      filter();
    }));
    one("#filter").addEventListener("submit", (event) => event.preventDefault());
    one("#clear").addEventListener("click", reset);
    fold.addEventListener("click", foldAll);
    one("#groups").addEventListener("toggle", foldWords, true);
    filter();
    follow();
  }

  const keys = {
    "/": () => search?.focus(),
    j: () => step(1),
    k: () => step(-1),
    o: foldOne,
    u: () => groups.length && foldAll(),
    t: otherTheme,
    "?": () => help.showModal(),
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (event.key === "Escape" && groups.length) {
      reset();
      document.activeElement.blur?.();
      return;
    }
    if (event.target.closest?.("input, select, textarea") || !Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key]();
  });

  let folded = [];
  addEventListener("beforeprint", () => {
    folded = all("details:not([open])");
    folded.forEach((each) => { each.open = true; });
  });
  addEventListener("afterprint", () => folded.forEach((each) => { each.open = false; }));
})();
