"use strict";
(() => {
  document.documentElement.classList.add("js");
  const wide = matchMedia("(min-width: 62rem)");

  // Contents: a list at the side of a wide screen, behind a button on a narrow one.
  const toggle = document.getElementById("toggle");
  const contents = document.getElementById("contents");
  const open = (yes) => {
    toggle.setAttribute("aria-expanded", String(yes));
    contents.hidden = !yes && !wide.matches;
  };
  toggle.addEventListener("click", () => open(toggle.getAttribute("aria-expanded") !== "true"));
  contents.addEventListener("click", (event) => event.target.closest("a") && open(false));
  document.addEventListener("keydown", (event) => event.key === "Escape" && open(false));
  wide.addEventListener("change", () => open(false));
  open(false);

  const links = [...contents.querySelectorAll("a")];
  const seen = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        for (const link of links) {
          if (link.hash === `#${entry.target.id}`) link.setAttribute("aria-current", "true");
          else link.removeAttribute("aria-current");
        }
      }
    },
    { rootMargin: "-20% 0px -75% 0px" },
  );
  document.querySelectorAll("main > section").forEach((section) => seen.observe(section));

  // What a link leads to is opened; on paper everything is.
  const reveal = () => document.getElementById(decodeURIComponent(location.hash.slice(1)))?.closest("details")?.setAttribute("open", "");
  addEventListener("hashchange", reveal);
  reveal();
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    closed.forEach((one) => one.setAttribute("open", ""));
  });
  addEventListener("afterprint", () => closed.forEach((one) => one.removeAttribute("open")));

  // Tabs: one language for all samples; the arrow keys move between them.
  const groups = [...document.querySelectorAll(".tabs")];
  const select = (title) => {
    for (const group of groups) {
      const tabs = [...group.querySelectorAll("[role=tab]")];
      if (!tabs.some((tab) => tab.textContent === title)) continue;
      for (const tab of tabs) {
        const is = tab.textContent === title;
        tab.setAttribute("aria-selected", String(is));
        tab.tabIndex = is ? 0 : -1;
        document.getElementById(tab.getAttribute("aria-controls")).hidden = !is;
      }
    }
  };
  for (const group of groups) {
    const list = document.createElement("div");
    list.setAttribute("role", "tablist");
    list.setAttribute("aria-label", "Language");
    for (const panel of group.querySelectorAll(":scope > section")) {
      const tab = document.createElement("button");
      tab.type = "button";
      tab.id = `${panel.id}-tab`;
      tab.textContent = panel.getAttribute("aria-label");
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-controls", panel.id);
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", tab.id);
      panel.removeAttribute("aria-label");
      tab.addEventListener("click", () => select(tab.textContent));
      list.append(tab);
    }
    list.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      const tabs = [...list.children];
      const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
      select(next.textContent);
      next.focus();
    });
    group.prepend(list);
    select(list.firstElementChild.textContent);
  }

  // A button on each block copies what is in it.
  for (const block of document.querySelectorAll(".code")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      const code = block.querySelector("code");
      try {
        await navigator.clipboard.writeText(code.textContent);
      } catch {
        getSelection().selectAllChildren(code);
        document.execCommand("copy");
      }
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
    block.append(button);
  }
})();
