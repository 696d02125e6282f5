"use strict";
{
  const form = document.getElementById("filters");
  const shown = document.getElementById("shown");
  const findings = [...document.querySelectorAll("#list > li")].map((item) => ({
    item,
    data: item.dataset,
    text: item.querySelector("summary").textContent.toLowerCase(),
  }));

  const filter = () => {
    const wanted = new FormData(form);
    const severities = wanted.getAll("severity");
    const [rule, kind] = [wanted.get("rule"), wanted.get("kind")];
    const words = wanted.get("text").toLowerCase().split(/\s+/).filter(Boolean);
    let number = 0;
    for (const { item, data, text } of findings) {
      const fits = severities.includes(data.severity) && (!rule || data.rule === rule) && (!kind || data.kind === kind)
        && words.every((word) => text.includes(word));
      item.hidden = !fits;
      number += fits ? 1 : 0;
    }
    shown.textContent = `${number} of ${findings.length} shown`;
  };

  if (form) {
    form.hidden = false;
    form.addEventListener("input", filter);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(filter));
    filter();
  }
  const target = document.getElementById(location.hash.slice(1))?.querySelector("details");
  if (target) target.open = true;
}
