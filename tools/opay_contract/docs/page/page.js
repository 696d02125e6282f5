"use strict";
(() => {
  document.documentElement.classList.add("js");
  const wide = matchMedia("(min-width: 64rem)");
  const dark = matchMedia("(prefers-color-scheme: dark)");

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

  // Redoc writes the place that it scrolled to into the address; this page has places of its own.
  history.replaceState = () => {};

  const sans = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif";
  const mono = "ui-monospace, 'Cascadia Mono', Menlo, Consolas, 'Liberation Mono', monospace";
  const palettes = {
    light: {
      text: "#1d2430", soft: "#525d6e", line: "#d5dbe3", accent: "#1a55b0", page: "#ffffff", panel: "#f2f5f9",
      code: "#1d2430", good: "#13653f", goodBack: "#eaf5ef", bad: "#a3202b", badBack: "#fbeeee", button: "#1a55b0",
    },
    dark: {
      text: "#e4e8ee", soft: "#a9b4c2", line: "#3a4452", accent: "#8ab8ff", page: "#12161c", panel: "#1c222b",
      code: "#e4e8ee", good: "#7fd6a8", goodBack: "#15291f", bad: "#ff9d9d", badBack: "#331b1e", button: "#2a66c4",
    },
  };
  const theme = (c) => ({
    colors: {
      primary: { main: c.button },
      success: { main: c.good },
      warning: { main: c.bad },
      error: { main: c.bad },
      text: { primary: c.text, secondary: c.soft },
      border: { dark: c.line, light: c.line },
      responses: {
        success: { color: c.good, backgroundColor: c.goodBack, tabTextColor: "#7fd6a8" },
        error: { color: c.bad, backgroundColor: c.badBack, tabTextColor: "#ff9d9d" },
        redirect: { color: c.soft, backgroundColor: c.panel },
        info: { color: c.accent, backgroundColor: c.panel },
      },
    },
    schema: {
      nestedBackground: c.panel, linesColor: c.line, typeNameColor: c.soft, typeTitleColor: c.soft,
      requireLabelColor: c.bad, arrow: { color: c.soft },
    },
    typography: {
      fontSize: "16px", lineHeight: "1.55", fontFamily: sans, smoothing: "auto",
      headings: { fontFamily: sans, fontWeight: "650" },
      code: { fontFamily: mono, fontSize: "14px", color: c.code, backgroundColor: c.panel, wrap: true },
      links: { color: c.accent, visited: c.accent, hover: c.accent },
    },
    rightPanel: { backgroundColor: "#222b36", textColor: "#ffffff" },
    codeBlock: { backgroundColor: "#12181f" },
    sidebar: { width: "0px" },
    spacing: { unit: 4, sectionHorizontal: 24, sectionVertical: 16 },
  });

  const specification = document.getElementById("openapi").textContent;
  const frame = document.getElementById("redoc");
  const draw = () => {
    const element = document.createElement("div");
    frame.replaceChildren(element);
    Redoc.init(
      JSON.parse(specification),
      {
        disableSearch: true,
        expandResponses: "all",
        hideDownloadButtons: true,
        hideFab: true,
        jsonSamplesExpandLevel: wide.matches ? "all" : 2,
        nativeScrollbars: true,
        sanitize: true,
        schemasExpansionLevel: wide.matches ? "all" : 1,
        showExtensions: ["x-sensitivity", "x-source", "x-recordings"],
        theme: theme(dark.matches ? palettes.dark : palettes.light),
      },
      element,
    );
  };
  dark.addEventListener("change", draw);
  draw();
})();
