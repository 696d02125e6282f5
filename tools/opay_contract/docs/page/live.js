"use strict";
(() => {
  // Asks the server whether the contract changed; the last good page stays under a banner that says what is wrong.
  let state = null;
  const banner = document.createElement("p");
  banner.id = "banner";
  banner.setAttribute("role", "status");
  banner.hidden = true;
  document.body.prepend(banner);
  const tell = (text) => {
    banner.textContent = text;
    banner.hidden = !text;
  };
  const ask = async () => {
    try {
      const news = await (await fetch("/state", { cache: "no-store" })).json();
      if (state !== null && news.version !== state) location.reload();
      state = news.version;
      tell(news.problem ? `This is the last good page. ${news.problem}` : "");
    } catch {
      tell("The server is gone; this page may be stale.");
    }
    setTimeout(ask, 500);
  };
  ask();
})();
